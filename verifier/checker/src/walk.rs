//! The walk through a program: every path, state by state.
//!
//! A block is executed whenever a state waits in front of it; where several paths lead to one block
//! their states wait as one, joined. Only a few wait side by side: those that have written different
//! bytes of the stack, since what was written on one path only is lost when they are joined. At the
//! head of a loop they always are. Every state that is put somewhere is taken up and executed, so
//! nothing has to be argued about fixpoints, and loops are simply walked, iteration by iteration,
//! until no state goes back to their head. The order only decides how much is joined before it is
//! executed: all of a loop before what follows it.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;

use crate::finding::{Cause, Finding, Undecided};
use crate::graph::{Graph, Loop};
use crate::join::join;
use crate::limits::Limits;
use crate::machine::Machine;
use crate::state::State;

/// Why a walk ends early.
pub(crate) enum Stop {
    /// A limit was reached.
    Undecided(Undecided),
    /// There are enough findings.
    Enough,
}

/// What contradicts the checker's own invariants must not look like a path that ends.
pub(crate) const INCONSISTENT: Stop = Stop::Undecided(Undecided::Inconsistent);

/// A walk through a program.
pub(crate) struct Walk<'i> {
    pub(crate) machine: Machine<'i>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) work: u64,
    /// By index of the function.
    graphs: Vec<Rc<Graph>>,
    /// States that wait, in all functions, and the values that they hold.
    waiting: u64,
    values: u64,
    limits: Limits,
}

/// Values that a state holds without its stack: ten registers and what is known of the packet.
const STATE_VALUES: u64 = 16;

/// States that wait side by side in front of one block; a further one is joined with the last. Each
/// takes as much work as the first.
const MAX_APART: usize = 4;

/// One call of a function.
pub(crate) struct Activation {
    pub(crate) graph: Rc<Graph>,
    /// States that wait in front of its blocks, by place; at least one for each.
    #[expect(
        clippy::vec_box,
        reason = "a state is large, and moved as often as an instruction is executed"
    )]
    waiting: BTreeMap<usize, Vec<Box<State>>>,
    /// The state after the call, when it returns.
    pub(crate) exit: Option<Box<State>>,
}

/// A loop that is being walked.
struct Pass {
    index: usize,
    /// Places before this one wait for the next iteration.
    cursor: usize,
    passes: u64,
    iterations: u64,
    /// The state at the head in the iteration before.
    before: Option<Box<State>>,
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

/// What a loop does next.
enum Next {
    /// The state in front of this block is executed.
    Block(usize),
    /// A loop within it is walked first.
    Inner(usize),
    /// Another iteration.
    Again,
    /// No state waits in it.
    Done,
}

impl<'i> Walk<'i> {
    pub(crate) fn new(machine: Machine<'i>, limits: Limits) -> Self {
        let image = machine.image;
        let slot = |slot: usize| u32::try_from(slot).unwrap_or(u32::MAX);
        let graphs = (0..image.functions().len())
            .filter_map(|index| image.function_slots(index))
            .map(|slots| Graph::new(image.code(), slot(slots.start)..slot(slots.end)));
        Self {
            graphs: graphs.map(Rc::new).collect(),
            machine,
            findings: Vec::new(),
            work: 0,
            waiting: 0,
            values: 0,
            limits,
        }
    }

    /// Walks through a function from its first instruction; gives the state in which it returns,
    /// if it does. Nested at most as deep as calls are.
    pub(crate) fn function(
        &mut self,
        function: usize,
        entry: Box<State>,
    ) -> Result<Option<Box<State>>, Stop> {
        let graph = self.graphs.get(function).ok_or(INCONSISTENT)?;
        let mut at = Activation {
            graph: Rc::clone(graph),
            waiting: BTreeMap::new(),
            exit: None,
        };
        self.insert(&mut at, 0, entry)?;
        let graph = Rc::clone(&at.graph);
        let mut passes = vec![Pass::new(0, 0)];
        while let Some(mut pass) = passes.pop() {
            let around = graph.loops.get(pass.index).ok_or(INCONSISTENT)?;
            match next(&at, &pass, around) {
                Next::Block(place) => {
                    pass.cursor = place.saturating_add(1);
                    self.step(&mut at, &mut pass, around, place)?;
                    passes.push(pass);
                }
                Next::Inner(index) => {
                    let inner = graph.loops.get(index).ok_or(INCONSISTENT)?;
                    pass.cursor = inner.places.end;
                    passes.push(pass);
                    passes.push(Pass::new(index, inner.places.start));
                }
                Next::Again => {
                    pass.cursor = around.places.start;
                    pass.passes = pass.passes.saturating_add(1);
                    if pass.passes > self.limits.iterations {
                        return Err(Stop::Undecided(Undecided::Iterations {
                            slot: head(&graph, around),
                            limit: self.limits.iterations,
                        }));
                    }
                    passes.push(pass);
                }
                Next::Done if pass.index == 0 => {}
                Next::Done => {
                    let head = head(&graph, around);
                    self.machine.facts.looped(head, pass.iterations);
                }
            }
        }
        Ok(at.exit)
    }

    /// Executes the block at `place` on what waits there, unless it is the head of a loop in which
    /// nothing happens.
    fn step(
        &mut self,
        at: &mut Activation,
        pass: &mut Pass,
        around: &Loop,
        place: usize,
    ) -> Result<(), Stop> {
        let states = at.waiting.remove(&place).ok_or(INCONSISTENT)?;
        for state in states {
            self.leave(&state);
            // At a head there is only one.
            if pass.index != 0 && place == around.places.start {
                self.charge(state.weight())?;
                pass.iterations = pass.iterations.saturating_add(1);
                let before = pass.before.replace(state.clone());
                if before.is_some_and(|before| before.looks_like(&state)) {
                    self.found(head(&at.graph, around), Cause::Endless)?;
                    continue;
                }
            }
            self.block(at, place, state)?;
        }
        Ok(())
    }

    /// Lets a state wait in front of the block that starts in `slot`. No packet is longer than
    /// [`platform_click::limits::MAX_PACKET_SIZE`]: that ends loops over a packet, and nothing else.
    pub(crate) fn put(
        &mut self,
        at: &mut Activation,
        from: usize,
        slot: u32,
        state: Box<State>,
    ) -> Result<(), Stop> {
        let place = at.graph.place(slot).ok_or(INCONSISTENT)?;
        if place <= from && state.oversize {
            return Ok(());
        }
        let beside = self.beside(at, place, &state)?;
        let states = at.waiting.get_mut(&place);
        let met = beside.and_then(|index| Some(states?.remove(index)));
        if let Some(met) = &met {
            self.leave(met);
        }
        let state = self.meet(met, state)?;
        self.insert(at, place, state)
    }

    /// Which of the states in front of a block another one is joined with; `None` when it waits
    /// beside them.
    fn beside(
        &mut self,
        at: &Activation,
        place: usize,
        state: &State,
    ) -> Result<Option<usize>, Stop> {
        let Some(waiting) = at.waiting.get(&place) else {
            return Ok(None);
        };
        let last = waiting.len().checked_sub(1);
        if last.is_some() && at.graph.is_head(place) {
            return Ok(last);
        }
        self.charge(1)?;
        let alike = waiting.iter().position(|other| other.has_written(state));
        Ok(alike.or_else(|| last.filter(|_| waiting.len() >= MAX_APART)))
    }

    fn insert(&mut self, at: &mut Activation, place: usize, state: Box<State>) -> Result<(), Stop> {
        self.waiting = self.waiting.saturating_add(1);
        self.values = self.values.saturating_add(values(&state));
        if self.values > self.limits.values {
            return Err(Stop::Undecided(Undecided::Memory {
                limit: self.limits.values,
            }));
        }
        self.machine.facts.waiting(self.waiting, self.values);
        at.waiting.entry(place).or_default().push(state);
        Ok(())
    }

    /// A state does not wait any more.
    fn leave(&mut self, state: &State) {
        self.waiting = self.waiting.saturating_sub(1);
        self.values = self.values.saturating_sub(values(state));
    }

    /// The state that describes both.
    pub(crate) fn meet(
        &mut self,
        waiting: Option<Box<State>>,
        state: Box<State>,
    ) -> Result<Box<State>, Stop> {
        let Some(waiting) = waiting else {
            return Ok(state);
        };
        self.charge(waiting.weight().saturating_add(state.weight()))?;
        Ok(Box::new(join(&waiting, &state, &mut self.machine.ids)))
    }

    /// Keeps the first finding of each instruction; the path ends here.
    pub(crate) fn found(&mut self, slot: u32, cause: Cause) -> Result<(), Stop> {
        if self.findings.iter().all(|finding| finding.slot != slot) {
            self.findings.push(Finding::new(slot, cause));
        }
        if self.findings.len() >= self.limits.findings {
            return Err(Stop::Enough);
        }
        Ok(())
    }

    pub(crate) fn charge(&mut self, units: u64) -> Result<(), Stop> {
        self.work = self.work.saturating_add(units);
        if self.work > self.limits.work {
            return Err(Stop::Undecided(Undecided::Work {
                limit: self.limits.work,
            }));
        }
        Ok(())
    }
}

/// The first waiting state from the cursor on; when there is none, those that went back wait for
/// another iteration.
fn next(at: &Activation, pass: &Pass, around: &Loop) -> Next {
    let ahead = pass.cursor..around.places.end;
    let waiting = at.waiting.range(ahead).next();
    match waiting.map(|(place, _)| *place) {
        Some(place) => match at.graph.loop_within(pass.index, place) {
            Some(inner) => Next::Inner(inner),
            None => Next::Block(place),
        },
        None if at.waiting.range(around.places.clone()).next().is_some() => Next::Again,
        None => Next::Done,
    }
}

/// The first slot of a loop.
fn head(graph: &Graph, around: &Loop) -> u32 {
    let block = graph.blocks.get(around.places.start);
    block.map_or(0, |block| block.start)
}

fn values(state: &State) -> u64 {
    state.stored().saturating_add(STATE_VALUES)
}
