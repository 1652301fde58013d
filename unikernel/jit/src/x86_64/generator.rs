//! From instructions to machine code.

use alloc::vec::Vec;

use bpf_object::{Image, Insn, Reg, Wide, Width};
use bpf_runtime::native::{Stopped, layout, map_handle};

use super::assembler::{Assembler, Gpr, Label, Mem, Op, Size};
use super::registers::Registers;
use super::{SCRATCH, SCRATCH_2};
use crate::MachineCode;
use crate::error::JitError;
use crate::options::Options;
use crate::plan::{Plan, index, slot_number, writes};

/// Machine code of a program in the making.
pub(super) struct Generator<'a> {
    pub(super) image: &'a Image,
    pub(super) plan: &'a Plan,
    pub(super) options: &'a Options<'a>,
    pub(super) asm: Assembler,
    pub(super) registers: Registers,
    /// Where the program's memory is accessed from on.
    pub(super) body: Label,
    /// By slot: its code.
    slots: Vec<Label>,
    /// By function of the plan: where it is called, before its prologue.
    pub(super) entries: Vec<Label>,
    /// Which function of the plan is being compiled; 0 is the entry.
    pub(super) function: usize,
    /// Places that stop the program; their code comes behind everything else.
    stops: Vec<Stop>,
    /// Lookups that find nothing; their code comes behind everything else.
    misses: Vec<Miss>,
    /// By register: the map that it holds, if that is known.
    known_maps: [Option<u32>; 11],
    /// The sequence that constants are blinded with.
    pub(super) blinding: Option<u64>,
}

/// The program is stopped.
struct Stop {
    from: Label,
    slot: u32,
    why: Stopped,
}

/// `r0 = 0`, and back.
struct Miss {
    from: Label,
    back: Label,
}

/// Compiles `image`.
pub(crate) fn compile(
    image: &Image,
    plan: &Plan,
    options: &Options<'_>,
) -> Result<MachineCode, JitError> {
    let count = image.code().len();
    // Most instructions take three to six bytes.
    let mut asm = Assembler::with_capacity(count.saturating_mul(6).saturating_add(64));
    let slots = (0..count).map(|_| asm.label()).collect();
    let entries = plan.functions.iter().map(|_| asm.label()).collect();
    let body = asm.label();
    let mut generator = Generator {
        image,
        plan,
        options,
        asm,
        registers: Registers::new(plan),
        body,
        slots,
        entries,
        function: 0,
        stops: Vec::new(),
        misses: Vec::new(),
        known_maps: [None; 11],
        blinding: options.blinding,
    };
    generator.functions();
    let landing = generator.rare();
    let Generator {
        asm, slots, body, ..
    } = generator;
    let code = asm.finish().ok_or(JitError::Length(count))?;
    Ok(MachineCode {
        slots: slots.iter().map(|label| code.offset(*label)).collect(),
        landing: code.offset(landing),
        // Never bound in a program that accesses nothing: the end.
        body: code.offset(body),
        bytes: code.bytes,
    })
}

impl Generator<'_> {
    fn functions(&mut self) {
        for (number, function) in self.plan.functions.iter().enumerate() {
            if let Some(entry) = self.entries.get(number) {
                self.asm.bind(*entry);
            }
            self.function = number;
            self.enter(function, number == 0);
            let mut slots = function.slots.clone();
            while let Some(slot) = slots.next() {
                self.begin(slot);
                if self.pair(slot) {
                    slots.next().into_iter().for_each(|slot| self.begin(slot));
                } else {
                    self.slot(slot);
                }
            }
        }
    }

    /// What follows is the code of the instruction in `slot`.
    fn begin(&mut self, slot: usize) {
        if self.plan.heads.get(slot) == Some(&true) {
            self.asm.align();
        } else if self.plan.joins.get(slot) == Some(&true) {
            self.asm.leave_window();
        }
        if let Some(label) = self.slots.get(slot) {
            self.asm.bind(*label);
        }
        if self.plan.leaders.get(slot) == Some(&true) {
            self.known_maps = [None; 11];
        }
    }

    fn slot(&mut self, slot: usize) {
        let Some(insn) = self.image.code().get(slot).copied() else {
            return;
        };
        let number = slot_number(slot);
        if insn == Insn::WideTail {
            return;
        }
        if !self.options.reach.reachable(number) {
            self.stop_here(number, Stopped::Unreachable);
            return;
        }
        self.instruction(slot, insn);
        for written in writes(insn).into_iter().flatten() {
            self.know_map(written, None);
        }
        if let Insn::Wide {
            dst,
            value: Wide::Map(map),
        } = insn
        {
            self.know_map(dst, Some(map));
        }
    }

    fn instruction(&mut self, slot: usize, insn: Insn) {
        match insn {
            Insn::Alu {
                width,
                op,
                dst,
                src,
            } => self.alu(width, op, dst, src),
            Insn::MovSx {
                width,
                dst,
                src,
                from,
            } => self
                .asm
                .sign_extend(width, from, self.gpr(dst), self.gpr(src)),
            Insn::Neg { width, dst } => self.negate(width, dst),
            Insn::Swap { kind, width, dst } => self.swap(kind, width, dst),
            Insn::Wide { dst, value } => self.wide(dst, value),
            Insn::WideTail => {}
            Insn::Load {
                size,
                signed,
                dst,
                base,
                off,
            } => self.load(size, signed, dst, base, off),
            Insn::Store {
                size,
                base,
                off,
                src,
            } => self.store(size, base, off, src),
            Insn::Atomic {
                size,
                op,
                base,
                off,
                src,
            } => self.atomic(size, op, base, off, src),
            Insn::Jump { target } => {
                self.charge(slot);
                let target = self.label_of(target);
                self.asm.jump(target);
            }
            Insn::Branch {
                width,
                cond,
                dst,
                src,
                target,
            } => self.branch(slot, width, cond, dst, src, target),
            Insn::CallHelper { id } => {
                self.call_helper(slot, id);
                // Undefined from here on.
                for register in [Reg::R0, Reg::R1, Reg::R2, Reg::R3, Reg::R4, Reg::R5] {
                    self.know_map(register, None);
                }
            }
            Insn::CallLocal { target } => {
                self.call_local(slot, target);
                for register in [Reg::R0, Reg::R1, Reg::R2, Reg::R3, Reg::R4, Reg::R5] {
                    self.know_map(register, None);
                }
            }
            Insn::Exit => self.leave(),
        }
    }

    fn wide(&mut self, dst: Reg, value: Wide) {
        let dst = self.gpr(dst);
        match value {
            Wide::Number(number) => self.number(Width::W64, dst, number),
            Wide::Map(map) => self.asm.mov_number(dst, map_handle(map)),
            Wide::Data { section, offset } => {
                self.asm
                    .load(Size::B8, dst, self.state(layout::data(index(section))));
                if let Ok(offset) = i32::try_from(offset)
                    && offset > 0
                {
                    self.asm.op_number(Op::Add, Width::W64, dst, offset);
                }
            }
        }
    }

    /// `dst = number`, of which 32-bit operations use the lower half.
    pub(super) fn number(&mut self, width: Width, dst: Gpr, number: u64) {
        let number = match width {
            Width::W64 => number,
            Width::W32 => number & u64::from(u32::MAX),
        };
        let Some(mask) = self.next_mask() else {
            return self.asm.mov_number(dst, number);
        };
        match (width, i32::try_from(number.cast_signed())) {
            (Width::W64, Err(_)) => {
                let other = if dst == SCRATCH { SCRATCH_2 } else { SCRATCH };
                self.asm.mov_number(dst, number ^ mask);
                self.asm.mov_number(other, mask);
                self.asm.op(Op::Xor, Width::W64, dst, other);
            }
            _ => {
                let mask = low_signed(mask);
                let hidden = low_signed(number) ^ mask;
                let wide = i64::from(hidden).cast_unsigned();
                let wide = match width {
                    Width::W64 => wide,
                    Width::W32 => wide & u64::from(u32::MAX),
                };
                self.asm.mov_number(dst, wide);
                self.asm.op_number(Op::Xor, width, dst, mask);
            }
        }
    }

    /// The next number of the sequence that constants are blinded with, if they are.
    pub(super) fn next_mask(&mut self) -> Option<u64> {
        let seed = self.blinding.as_mut()?;
        // SplitMix64 (Steele, Lea, Flood 2014).
        *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Some(mixed ^ (mixed >> 31))
    }

    /// Where a jump to `slot` goes.
    pub(super) fn label_of(&mut self, slot: u32) -> Label {
        match self.slots.get(index(slot)) {
            Some(label) => *label,
            // Images have no such jumps; the label is never bound, and the program is refused.
            None => self.asm.label(),
        }
    }

    /// The register of the machine that holds a program's.
    pub(super) fn gpr(&self, reg: Reg) -> Gpr {
        self.registers.of(reg)
    }

    /// A field of the state.
    pub(super) fn state(&self, offset: usize) -> Mem {
        Mem {
            base: self.registers.state,
            // The state has a few hundred bytes.
            disp: i32::try_from(offset).unwrap_or(i32::MAX),
        }
    }

    pub(super) fn known_map(&self, register: Reg) -> Option<u32> {
        self.known_maps.get(register.index()).copied().flatten()
    }

    pub(super) fn know_map(&mut self, register: Reg, map: Option<u32>) {
        if let Some(known) = self.known_maps.get_mut(register.index()) {
            *known = map;
        }
    }

    /// A label whose code stops the program.
    pub(super) fn stop(&mut self, slot: u32, why: Stopped) -> Label {
        let from = self.asm.label();
        self.stops.push(Stop { from, slot, why });
        from
    }

    pub(super) fn stop_here(&mut self, slot: u32, why: Stopped) {
        let stop = self.stop(slot, why);
        self.asm.jump(stop);
    }

    /// A label whose code sets `r0` to 0 and goes on at `back`.
    pub(super) fn miss(&mut self, back: Label) -> Label {
        let from = self.asm.label();
        self.misses.push(Miss { from, back });
        from
    }

    /// What is rare, behind everything else; gives the place where a refused access lands.
    fn rare(&mut self) -> Label {
        for Miss { from, back } in core::mem::take(&mut self.misses) {
            self.asm.bind(from);
            self.asm.mov_number(self.gpr(Reg::R0), 0);
            self.asm.jump(back);
        }
        let stops = core::mem::take(&mut self.stops);
        let record = self.asm.label();
        for why in [Stopped::Fuel, Stopped::Helper, Stopped::Unreachable] {
            if !stops.iter().any(|stop| stop.why == why) {
                continue;
            }
            let because = self.asm.label();
            for stop in stops.iter().filter(|stop| stop.why == why) {
                self.asm.bind(stop.from);
                self.asm.mov_number(SCRATCH, u64::from(stop.slot));
                self.asm.jump(because);
            }
            self.asm.bind(because);
            let reason = i32::from(why.number());
            let place = self.state(layout::STOPPED);
            self.asm.store_number(Size::B4, place, reason);
            self.asm.jump(record);
        }
        let landing = self.asm.label();
        self.asm.bind(landing);
        if self.plan.uses_state {
            // Whoever leads here says in these registers where the code was and what it accessed.
            let address = self.state(layout::STOPPED_ADDRESS);
            self.asm.store(Size::B8, address, SCRATCH_2);
            let why = i32::from(Stopped::Access.number());
            let reason = self.state(layout::STOPPED);
            self.asm.store_number(Size::B4, reason, why);
            self.asm.bind(record);
            let place = self.state(layout::STOPPED_AT);
            self.asm.store(Size::B8, place, SCRATCH);
        }
        self.land();
        landing
    }
}

/// The lower half as a signed number.
fn low_signed(number: u64) -> i32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}
