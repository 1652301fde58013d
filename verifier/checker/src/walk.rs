//! The walk through a program: every path, state by state.
//!
//! A block is executed whenever a state waits in front of it; where several paths lead to one block
//! their states wait as one, joined. Every state that is put somewhere is taken up and executed, so
//! nothing has to be argued about fixpoints, and loops are simply walked, iteration by iteration,
//! until no state goes back to their head. The order only decides how much is joined before it is
//! executed: all of a loop before what follows it.

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;

use bpf_object::{Insn, Reg, Wide};

use crate::branch::Branch;
use crate::finding::{Cause, Finding, Undecided};
use crate::graph::Graph;
use crate::join::join;
use crate::limits::Limits;
use crate::machine::Machine;
use crate::memory::Target;
use crate::state::State;
use crate::value::{Base, Unset, Value};

/// Why a walk ends early.
pub(crate) enum Stop {
    /// A limit was reached.
    Undecided(Undecided),
    /// There are enough findings.
    Enough,
}

/// A walk through a program.
pub(crate) struct Walk<'i> {
    pub(crate) machine: Machine<'i>,
    /// By index of the function.
    graphs: Rc<[Graph]>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) work: u64,
    /// States that wait, in all functions, and the values that they hold.
    waiting: u64,
    values: u64,
    limits: Limits,
}

/// Values that a state holds without its stack: ten registers and what is known of the packet.
const STATE_VALUES: u64 = 16;

/// States that wait in front of the blocks of one function, by place.
type Waiting = BTreeMap<usize, State>;

/// A loop that is being walked.
struct Pass {
    index: usize,
    /// Places before this one wait for the next iteration.
    cursor: usize,
    passes: u64,
    iterations: u64,
    /// The state at the head in the iteration before.
    before: Option<State>,
}

impl Pass {
    const fn new(index: usize, start: usize) -> Self {
        Self {
            index,
            cursor: start,
            passes: 1,
            iterations: 0,
            before: None,
        }
    }
}

/// One call of a function.
struct Activation {
    graph: Rc<[Graph]>,
    function: usize,
    waiting: Waiting,
    /// The state after the call, when it returns.
    exit: Option<State>,
}

impl Activation {
    fn graph(&self) -> Option<&Graph> {
        self.graph.get(self.function)
    }
}

/// What comes after an instruction.
enum Next {
    /// The instruction behind it.
    Fall,
    /// Nothing: the path ends, or its states wait elsewhere.
    End,
}

impl<'i> Walk<'i> {
    pub(crate) fn new(machine: Machine<'i>, limits: Limits) -> Self {
        let image = machine.image;
        let slot = |slot: usize| u32::try_from(slot).unwrap_or(u32::MAX);
        let graphs = (0..image.functions().len())
            .filter_map(|index| image.function_slots(index))
            .map(|slots| Graph::new(image.code(), slot(slots.start)..slot(slots.end)));
        Self {
            graphs: graphs.collect(),
            machine,
            findings: Vec::new(),
            work: 0,
            waiting: 0,
            values: 0,
            limits,
        }
    }

    /// Looks at the helpers of all instructions, reachable or not: the runtime does not load a
    /// program that names one which it may not call.
    pub(crate) fn check_helpers(&mut self) -> Result<(), Stop> {
        for (slot, insn) in (0..).zip(self.machine.image.code()) {
            if let Insn::CallHelper { id } = *insn
                && let Err(cause) = self.machine.helper(id)
            {
                self.found(slot, cause)?;
            }
        }
        Ok(())
    }

    /// Walks through a function from its first instruction; gives the state in which it returns,
    /// if it does. Nested at most as deep as calls are.
    pub(crate) fn function(
        &mut self,
        function: usize,
        entry: State,
    ) -> Result<Option<State>, Stop> {
        let mut activation = Activation {
            graph: Rc::clone(&self.graphs),
            function,
            waiting: Waiting::new(),
            exit: None,
        };
        self.insert(&mut activation, 0, entry)?;
        let mut passes = vec![Pass::new(0, 0)];
        while let Some(mut pass) = passes.pop() {
            if let Some(inner) = self.advance(&mut activation, &mut pass)? {
                passes.push(pass);
                passes.push(inner);
            } else if let (Some(around), Some(graph)) = (passes.last_mut(), activation.graph()) {
                let places = graph
                    .loops
                    .get(pass.index)
                    .map(|inner| inner.places.clone());
                around.cursor = places.map_or(usize::MAX, |places| places.end);
            }
        }
        Ok(activation.exit)
    }

    /// Walks through a loop until a state waits within an inner loop, which is given, or none waits
    /// in the loop at all.
    fn advance(&mut self, at: &mut Activation, pass: &mut Pass) -> Result<Option<Pass>, Stop> {
        let graphs = Rc::clone(&at.graph);
        let Some(graph) = graphs.get(at.function) else {
            return Ok(None);
        };
        let Some(around) = graph.loops.get(pass.index) else {
            return Ok(None);
        };
        let head = graph
            .blocks
            .get(around.places.start)
            .map_or(0, |block| block.start);
        loop {
            let ahead = pass.cursor..around.places.end;
            let next = at.waiting.range(ahead).next().map(|(place, _)| *place);
            let Some(place) = next else {
                if at.waiting.range(around.places.clone()).next().is_none() {
                    if pass.index != 0 {
                        self.machine.facts.looped(head, pass.iterations);
                    }
                    return Ok(None);
                }
                pass.cursor = around.places.start;
                pass.passes = pass.passes.saturating_add(1);
                if pass.passes > self.limits.iterations {
                    return Err(Stop::Undecided(Undecided::Iterations {
                        slot: head,
                        limit: self.limits.iterations,
                    }));
                }
                continue;
            };
            if let Some(index) = graph.loop_within(pass.index, place) {
                let inner = graph.loops.get(index);
                let start = inner.map_or(0, |inner| inner.places.start);
                return Ok(Some(Pass::new(index, start)));
            }
            pass.cursor = place.saturating_add(1);
            let Some(state) = self.remove(at, place) else {
                continue;
            };
            if place == around.places.start && pass.index != 0 {
                self.charge(state.weight())?;
                pass.iterations = pass.iterations.saturating_add(1);
                let before = pass.before.replace(state.clone());
                if before.is_some_and(|before| before.looks_like(&state)) {
                    self.found(head, Cause::Endless)?;
                    continue;
                }
            }
            self.block(at, place, state)?;
        }
    }

    /// Executes a block.
    fn block(&mut self, at: &mut Activation, place: usize, mut state: State) -> Result<(), Stop> {
        let slots = at
            .graph()
            .and_then(|graph| graph.blocks.get(place))
            .cloned();
        let Some(slots) = slots else { return Ok(()) };
        for slot in slots.clone() {
            let index = usize::try_from(slot).unwrap_or(usize::MAX);
            let insn = self.machine.image.code().get(index).copied();
            let Some(insn) = insn.filter(|insn| *insn != Insn::WideTail) else {
                continue;
            };
            self.charge(1)?;
            self.machine.facts.reached(&state, slot);
            state.executed = state.executed.saturating_add(1);
            let next = match insn {
                Insn::CallLocal { target } => match self.call(&mut state, slot, target)? {
                    Ok(next) => Ok(next),
                    Err(cause) => Err(cause),
                },
                Insn::Branch { .. } | Insn::Jump { .. } | Insn::Exit => {
                    return self.leave_block(at, place, slot, insn, state);
                }
                other => {
                    if matches!(other, Insn::CallHelper { .. }) {
                        self.charge(state.weight())?;
                    }
                    step(&mut self.machine, &mut state, slot, other).map(|()| Next::Fall)
                }
            };
            match next {
                Ok(Next::Fall) => {}
                Ok(Next::End) => return Ok(()),
                Err(cause) => return self.found(slot, cause),
            }
        }
        self.put(at, place, slots.end, state)
    }

    /// Executes the instruction that ends a block.
    fn leave_block(
        &mut self,
        at: &mut Activation,
        place: usize,
        slot: u32,
        insn: Insn,
        state: State,
    ) -> Result<(), Stop> {
        match insn {
            Insn::Branch {
                width,
                cond,
                dst,
                src,
                target,
            } => {
                self.charge(state.weight())?;
                let branch = Branch {
                    width,
                    cond,
                    dst,
                    src,
                };
                let (taken, not_taken) = match self.machine.branch(state, branch) {
                    Ok(sides) => sides,
                    Err(cause) => return self.found(slot, cause),
                };
                let facts = &mut self.machine.facts;
                facts.branched(slot, taken.is_some(), not_taken.is_some());
                if let Some(state) = not_taken {
                    self.put(at, place, slot.saturating_add(1), state)?;
                }
                taken.map_or(Ok(()), |state| self.put(at, place, target, state))
            }
            Insn::Jump { target } => self.put(at, place, target, state),
            _ if state.depth() == 0 => match self.check_return(&state) {
                Ok(()) => Ok(()),
                Err(cause) => self.found(slot, cause),
            },
            _ => {
                at.exit = Some(self.meet(at.exit.take(), state)?);
                Ok(())
            }
        }
    }

    /// Lets a state wait in front of the block that starts in `slot`. No packet is longer than
    /// [`platform_click::limits::MAX_PACKET_SIZE`]: that ends loops over a packet, and nothing else.
    fn put(
        &mut self,
        at: &mut Activation,
        from: usize,
        slot: u32,
        state: State,
    ) -> Result<(), Stop> {
        let Some(place) = at.graph().and_then(|graph| graph.place(slot)) else {
            return Ok(());
        };
        if place <= from && state.oversize {
            return Ok(());
        }
        let waiting = self.remove(at, place);
        let state = self.meet(waiting, state)?;
        self.insert(at, place, state)
    }

    fn insert(&mut self, at: &mut Activation, place: usize, state: State) -> Result<(), Stop> {
        self.waiting = self.waiting.saturating_add(1);
        self.values = self.values.saturating_add(values(&state));
        if self.values > self.limits.values {
            return Err(Stop::Undecided(Undecided::Memory {
                limit: self.limits.values,
            }));
        }
        self.machine.facts.waiting(self.waiting, self.values);
        at.waiting.insert(place, state);
        Ok(())
    }

    fn remove(&mut self, at: &mut Activation, place: usize) -> Option<State> {
        let state = at.waiting.remove(&place)?;
        self.waiting = self.waiting.saturating_sub(1);
        self.values = self.values.saturating_sub(values(&state));
        Some(state)
    }

    fn meet(&mut self, waiting: Option<State>, state: State) -> Result<State, Stop> {
        let Some(waiting) = waiting else {
            return Ok(state);
        };
        self.charge(waiting.weight().saturating_add(state.weight()))?;
        Ok(join(&waiting, &state, &mut self.machine.ids))
    }

    /// Walks through a called function and goes on behind the call, when it returns.
    fn call(
        &mut self,
        state: &mut State,
        slot: u32,
        target: u32,
    ) -> Result<Result<Next, Cause>, Stop> {
        let functions = self.machine.image.functions();
        let Ok(function) = functions.binary_search_by_key(&target, |function| function.start)
        else {
            return Ok(Ok(Next::End));
        };
        self.charge(state.weight())?;
        if let Err(cause) = self.machine.enter(state, function) {
            return Ok(Err(cause));
        }
        let Some(mut returned) = self.function(function, state.clone())? else {
            return Ok(Ok(Next::End));
        };
        self.machine.leave(&mut returned, slot);
        *state = returned;
        Ok(Ok(Next::Fall))
    }

    /// The program ends: `r0` is a number that its kind may return.
    fn check_return(&mut self, state: &State) -> Result<(), Cause> {
        let number = match self.machine.value(state, Reg::R0)? {
            Value::Number(scalar) => scalar.number.unsigned(),
            _ => return Err(Cause::ReturnsPointer),
        };
        let kind = self.machine.image.kind();
        let allowed = kind.returns();
        if !allowed.contains(number.start()) || !allowed.contains(number.end()) {
            return Err(Cause::Return {
                kind,
                least: *number.start(),
                greatest: *number.end(),
            });
        }
        self.machine.facts.returned(number, state.executed);
        Ok(())
    }

    /// Keeps the first finding of each instruction; the path ends here.
    fn found(&mut self, slot: u32, cause: Cause) -> Result<(), Stop> {
        if self.findings.iter().all(|finding| finding.slot != slot) {
            self.findings.push(Finding::new(slot, cause));
        }
        if self.findings.len() >= self.limits.findings {
            return Err(Stop::Enough);
        }
        Ok(())
    }

    fn charge(&mut self, units: u64) -> Result<(), Stop> {
        self.work = self.work.saturating_add(units);
        if self.work > self.limits.work {
            return Err(Stop::Undecided(Undecided::Work {
                limit: self.limits.work,
            }));
        }
        Ok(())
    }
}

fn values(state: &State) -> u64 {
    state.stored().saturating_add(STATE_VALUES)
}

/// Executes an instruction that does not change the flow of control.
fn step(machine: &mut Machine<'_>, state: &mut State, slot: u32, insn: Insn) -> Result<(), Cause> {
    match insn {
        Insn::Alu {
            width,
            op,
            dst,
            src,
        } => machine.alu(state, width, op, dst, src),
        Insn::MovSx {
            width,
            dst,
            src,
            from,
        } => machine.sign_extend(state, width, dst, src, from),
        Insn::Neg { width, dst } => machine.neg(state, width, dst),
        Insn::Swap { kind, width, dst } => machine.swap(state, kind, width, dst),
        Insn::Wide { dst, value } => {
            state.set(dst, wide(value));
            Ok(())
        }
        Insn::Load {
            size,
            signed,
            dst,
            base,
            off,
        } => {
            let loaded = machine.load(state, Target { base, off }, size, signed)?;
            state.set(dst, loaded);
            Ok(())
        }
        Insn::Store {
            size,
            base,
            off,
            src,
        } => machine.store(state, Target { base, off }, size, src),
        Insn::Atomic {
            size,
            op,
            base,
            off,
            src,
        } => machine.atomic(state, Target { base, off }, size, op, src),
        Insn::CallHelper { id } => machine.call_helper(state, slot, id),
        // The walk executes these itself.
        Insn::WideTail
        | Insn::Jump { .. }
        | Insn::Branch { .. }
        | Insn::CallLocal { .. }
        | Insn::Exit => Err(Cause::Unset {
            reg: Reg::R0,
            why: Unset::Never,
        }),
    }
}

fn wide(value: Wide) -> Value {
    match value {
        Wide::Number(number) => Value::constant(number),
        Wide::Map(index) => Value::pointer(Base::Map(index), 0),
        Wide::Data { section, offset } => Value::pointer(Base::Data(section), i64::from(offset)),
    }
}
