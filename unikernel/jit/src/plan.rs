//! What the code generator has to know before it begins: which functions there are, how deep they
//! call, where blocks begin, what is charged, and what each function needs.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use bpf_object::{AtomicOp, Image, Insn, Operand, Reg, Wide};
use platform_click::limits::MAX_CALL_FRAMES;

use crate::error::JitError;
use crate::options::Options;

/// A program before it is compiled.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Functions that the entry calls, directly or not, in the order of the image; the first is the
    /// entry.
    pub(crate) functions: Vec<Function>,
    /// By slot: whether a block begins there.
    pub(crate) leaders: Vec<bool>,
    /// By slot: whether a loop begins there.
    pub(crate) heads: Vec<bool>,
    /// By slot: whether jumps within a loop lead forwards to it.
    pub(crate) joins: Vec<bool>,
    /// By slot: what its block is charged before the instruction, which jumps backwards.
    pub(crate) charges: Vec<u32>,
    /// Whether anything is charged.
    pub(crate) uses_fuel: bool,
    /// Whether the frame pointer is used.
    pub(crate) uses_frames: bool,
    /// Whether there are local calls.
    pub(crate) calls_locally: bool,
    /// Whether anything but registers is used.
    pub(crate) uses_state: bool,
    /// By register: whether an instruction names it.
    named: [bool; 11],
}

/// A function of the program.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) slots: Range<usize>,
    /// Of `r6` to `r9`, those that it writes; for the entry, those that any function writes.
    pub(crate) preserves: Vec<Reg>,
    /// Whether it calls anything, a helper or a function.
    pub(crate) calls: bool,
}

/// Registers that a function has to preserve (RFC 9669, section 2).
const PRESERVED: [Reg; 4] = [Reg::R6, Reg::R7, Reg::R8, Reg::R9];

impl Plan {
    pub(crate) fn new(image: &Image, options: &Options<'_>) -> Result<Self, JitError> {
        let reachable = |slot: usize| options.reach.reachable(slot_number(slot));
        let called = called_functions(image, &reachable)?;
        let functions: Vec<Function> = called
            .into_iter()
            .map(|slots| Function::new(image, slots, &reachable))
            .collect();
        let mut plan = Self {
            leaders: vec![false; image.code().len()],
            heads: vec![false; image.code().len()],
            joins: vec![false; image.code().len()],
            charges: vec![0; image.code().len()],
            uses_fuel: false,
            uses_frames: false,
            calls_locally: false,
            uses_state: false,
            named: [false; 11],
            functions: Vec::new(),
        };
        for function in &functions {
            plan.find_leaders(image, function);
            plan.find_charges(image, function);
            plan.find_joins(image, function);
            for slot in function.slots.clone() {
                if !reachable(slot) {
                    plan.uses_state = true;
                    continue;
                }
                let Some(insn) = image.code().get(slot) else {
                    break;
                };
                plan.look_at(*insn);
                if let Insn::Branch { .. } = insn {
                    let slot = slot_number(slot);
                    plan.uses_state |= !options.reach.taken(slot) || !options.reach.passed(slot);
                }
            }
        }
        plan.functions = functions;
        plan.preserve_at_entry();
        plan.uses_state |= plan.uses_fuel || plan.uses_frames || plan.calls_locally;
        Ok(plan)
    }

    /// A program that is stopped leaves all functions at once: what any of them saved, the entry has
    /// to give back.
    fn preserve_at_entry(&mut self) {
        let written = |reg: &Reg| self.functions.iter().any(|f| f.preserves.contains(reg));
        let preserves = PRESERVED.into_iter().filter(written).collect();
        if let Some(entry) = self.functions.first_mut() {
            entry.preserves = preserves;
        }
    }

    /// Whether an instruction names this register.
    pub(crate) fn uses(&self, reg: Reg) -> bool {
        self.named.get(reg.index()).copied().unwrap_or(true)
    }

    fn look_at(&mut self, insn: Insn) {
        let named = reads(insn).into_iter().chain(writes(insn)).flatten();
        for reg in named {
            if let Some(named) = self.named.get_mut(reg.index()) {
                *named = true;
            }
        }
        self.uses_frames |= reads(insn).contains(&Some(Reg::FP));
        match insn {
            Insn::CallLocal { .. } => {
                self.calls_locally = true;
                self.uses_fuel = true;
            }
            Insn::CallHelper { .. }
            | Insn::Load { .. }
            | Insn::Store { .. }
            | Insn::Atomic { .. }
            | Insn::Wide {
                value: Wide::Data { .. },
                ..
            } => self.uses_state = true,
            _ => {}
        }
    }

    /// A block begins at the start of a function, at the target of a jump, and behind a jump.
    fn find_leaders(&mut self, image: &Image, function: &Function) {
        let mut mark = |slot: usize| {
            if let Some(leader) = self.leaders.get_mut(slot) {
                *leader = true;
            }
        };
        mark(function.slots.start);
        for slot in function.slots.clone() {
            let Some(insn) = image.code().get(slot) else {
                break;
            };
            if let Some(target) = insn.jump_target() {
                mark(index(target));
            }
            if insn.jump_target().is_some() || *insn == Insn::Exit {
                mark(slot.saturating_add(1));
            }
        }
    }

    /// A block that ends in a backward jump costs its instructions but local calls.
    fn find_charges(&mut self, image: &Image, function: &Function) {
        let mut instructions: u32 = 0;
        for slot in function.slots.clone() {
            let Some(insn) = image.code().get(slot) else {
                break;
            };
            if self.leaders.get(slot) == Some(&true) {
                instructions = 0;
            }
            if !matches!(insn, Insn::WideTail | Insn::CallLocal { .. }) {
                instructions = instructions.saturating_add(1);
            }
            let Some(target) = insn.jump_target().map(index).filter(|to| *to <= slot) else {
                continue;
            };
            if let Some(charge) = self.charges.get_mut(slot) {
                *charge = instructions;
                self.uses_fuel = true;
            }
            if let Some(head) = self.heads.get_mut(target) {
                *head = true;
            }
        }
    }

    /// A slot is in a loop if a jump from it or from behind it leads back to it or before it.
    fn find_joins(&mut self, image: &Image, function: &Function) {
        let jump = |slot: usize| {
            let target = image.code().get(slot)?.jump_target().map(index)?;
            Some((slot, target))
        };
        // How many loops begin and end in a slot.
        let mut changes = vec![(0_u32, 0_u32); image.code().len()];
        for (slot, target) in function.slots.clone().filter_map(jump) {
            if target > slot {
                continue;
            }
            if let Some((begin, _)) = changes.get_mut(target) {
                *begin = begin.saturating_add(1);
            }
            if let Some((_, end)) = changes.get_mut(slot) {
                *end = end.saturating_add(1);
            }
        }
        let mut open = 0_u32;
        for slot in function.slots.clone() {
            let (begin, end) = changes.get(slot).copied().unwrap_or_default();
            open = open.saturating_add(begin);
            if let (true, Some((_, target))) = (open > 0, jump(slot).filter(|(at, to)| to > at))
                && let Some(join) = self.joins.get_mut(target)
            {
                *join = true;
            }
            open = open.saturating_sub(end);
        }
    }
}

impl Function {
    fn new(image: &Image, slots: Range<usize>, reachable: &impl Fn(usize) -> bool) -> Self {
        let code = image.code().get(slots.clone()).unwrap_or_default();
        let run = || {
            code.iter()
                .zip(slots.clone())
                .filter(|(_, slot)| reachable(*slot))
        };
        let written = |reg: &Reg| run().any(|(insn, _)| writes(*insn).contains(&Some(*reg)));
        let is_call =
            |insn: &Insn| matches!(insn, Insn::CallHelper { .. } | Insn::CallLocal { .. });
        Self {
            preserves: PRESERVED.into_iter().filter(written).collect(),
            calls: run().any(|(insn, _)| is_call(insn)),
            slots,
        }
    }
}

/// The functions that the entry calls, directly or not. No chain of calls is longer than there are
/// frames, and none leads back to a function.
fn called_functions(
    image: &Image,
    reachable: &impl Fn(usize) -> bool,
) -> Result<Vec<Range<usize>>, JitError> {
    let starts: Vec<usize> = image.functions().iter().map(|f| index(f.start)).collect();
    let end_of = |function: usize| {
        let next = starts.get(function.saturating_add(1));
        next.copied().unwrap_or_else(|| image.code().len())
    };
    // The most frames in use when the function is entered; 0 for one that is not called.
    let mut depths = vec![0_usize; starts.len()];
    let mut open = vec![(0_usize, 1_usize)];
    while let Some((function, depth)) = open.pop() {
        match depths.get_mut(function) {
            // Each function is looked at once for each depth at most.
            Some(deepest) if *deepest < depth => *deepest = depth,
            _ => continue,
        }
        let start = starts.get(function).copied().unwrap_or_default();
        for slot in start..end_of(function) {
            let Some(Insn::CallLocal { target }) = image.code().get(slot) else {
                continue;
            };
            if !reachable(slot) {
                continue;
            }
            if depth >= MAX_CALL_FRAMES {
                let name = image.functions().get(function).map(|f| f.name.clone());
                return Err(JitError::CallDepth {
                    slot: slot_number(slot),
                    function: name.unwrap_or_default(),
                });
            }
            if let Ok(callee) = starts.binary_search(&index(*target)) {
                open.push((callee, depth.saturating_add(1)));
            }
        }
    }
    let called = (0..starts.len()).filter(|function| depths.get(*function) != Some(&0));
    let range = |function: usize| starts.get(function).map(|start| *start..end_of(function));
    Ok(called.filter_map(range).collect())
}

/// The registers that an instruction reads by name.
fn reads(insn: Insn) -> [Option<Reg>; 3] {
    let operand = |operand: Operand| match operand {
        Operand::Reg(reg) => Some(reg),
        Operand::Imm(_) => None,
    };
    match insn {
        Insn::Alu { dst, src, .. } | Insn::Branch { dst, src, .. } => {
            [Some(dst), operand(src), None]
        }
        Insn::MovSx { src, .. } => [Some(src), None, None],
        Insn::Neg { dst, .. } | Insn::Swap { dst, .. } => [Some(dst), None, None],
        Insn::Load { base, .. } => [Some(base), None, None],
        Insn::Store { base, src, .. } => [Some(base), operand(src), None],
        Insn::Atomic { base, src, .. } => [Some(base), Some(src), Some(Reg::R0)],
        _ => [None; 3],
    }
}

/// The registers that an instruction writes by name.
pub(crate) fn writes(insn: Insn) -> [Option<Reg>; 2] {
    match insn {
        Insn::Alu { dst, .. }
        | Insn::MovSx { dst, .. }
        | Insn::Neg { dst, .. }
        | Insn::Swap { dst, .. }
        | Insn::Wide { dst, .. }
        | Insn::Load { dst, .. } => [Some(dst), None],
        Insn::Atomic { op, src, .. } => match op {
            AtomicOp::CompareExchange => [Some(Reg::R0), None],
            AtomicOp::Add { fetch: false }
            | AtomicOp::Or { fetch: false }
            | AtomicOp::And { fetch: false }
            | AtomicOp::Xor { fetch: false } => [None; 2],
            _ => [Some(src), None],
        },
        _ => [None; 2],
    }
}

/// Images have at most [`MAX_INSTRUCTIONS`](platform_click::limits::MAX_INSTRUCTIONS) slots.
pub(crate) fn slot_number(slot: usize) -> u32 {
    u32::try_from(slot).unwrap_or(u32::MAX)
}

/// A number of slots, maps or sections as an index.
pub(crate) fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
