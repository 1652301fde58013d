//! A forward dataflow analysis over one image: what each register and spilled register may hold.
//!
//! It is simple on purpose: kinds of values and constants, no ranges, no relations. The checks that
//! the engine does not make are made on it, and it says where a value comes from when the engine
//! refuses one.
//!
//! Every call of a function is analysed for itself (as the engine does), so a state has all frames
//! of its chain of calls. Calls must be neither recursive nor too deep ([`crate::stack`]).

mod state;
mod step;
mod value;

use std::collections::{BTreeSet, HashMap};

use bpf_object::{Image, Insn};

pub(crate) use state::State;
pub(crate) use step::{operand, size_in_bytes, stack_place};
pub(crate) use value::{Flat, Kinds, Value};

/// Instructions that are applied until the analysis is given up: 60 for each of the largest
/// program, which takes about a second.
const MAX_STEPS: u32 = 4_000_000;

/// States that are kept, each of about a kilobyte.
const MAX_STATES: usize = 200_000;

/// A chain of calls, by its index in [`Flow`].
pub(crate) type ChainId = usize;

/// A function as it is reached by one chain of calls.
#[derive(Clone, Debug)]
struct Chain {
    /// The caller's chain and the slot of the call; nothing for the entry function.
    caller: Option<(ChainId, u32)>,
    /// Index of the function.
    function: usize,
}

/// The result of the analysis.
#[derive(Debug)]
pub(crate) struct Flow<'a> {
    image: &'a Image,
    chains: Vec<Chain>,
    /// What holds before the first instruction of each basic block, for each chain.
    states: HashMap<(ChainId, u32), State>,
    /// First slots of basic blocks.
    leaders: BTreeSet<u32>,
}

/// The program has too many chains of calls or too many states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooComplex;

/// Where a block leads: to this slot, with what holds there.
struct Next(ChainId, u32, State);

impl<'a> Flow<'a> {
    /// Analyses an image.
    ///
    /// # Errors
    /// The analysis was given up.
    pub(crate) fn new(image: &'a Image) -> Result<Self, TooComplex> {
        let mut flow = Self {
            image,
            chains: vec![Chain {
                caller: None,
                function: 0,
            }],
            states: HashMap::new(),
            leaders: leaders(image),
        };
        flow.states.insert((0, 0), State::entry());
        flow.run()?;
        Ok(flow)
    }

    fn run(&mut self) -> Result<(), TooComplex> {
        let mut steps = 0_u32;
        let mut callees = HashMap::new();
        let mut pending = BTreeSet::from([(0, 0)]);
        while let Some((chain, leader)) = pending.pop_first() {
            let Some(state) = self.states.get(&(chain, leader)).cloned() else {
                continue;
            };
            for Next(chain, slot, state) in
                self.run_block(chain, leader, state, &mut callees, &mut steps)
            {
                if self.merge(chain, slot, state) {
                    pending.insert((chain, slot));
                }
            }
            if steps > MAX_STEPS || self.states.len() > MAX_STATES {
                return Err(TooComplex);
            }
        }
        Ok(())
    }

    /// Joins a state into that before a block. Says whether the block is to be run (again).
    fn merge(&mut self, chain: ChainId, slot: u32, state: State) -> bool {
        match self.states.get_mut(&(chain, slot)) {
            Some(known) => known.join(&state),
            None => {
                self.states.insert((chain, slot), state);
                true
            }
        }
    }

    /// Runs a basic block and says where it leads.
    fn run_block(
        &mut self,
        chain: ChainId,
        leader: u32,
        mut state: State,
        callees: &mut HashMap<(ChainId, u32), ChainId>,
        steps: &mut u32,
    ) -> Vec<Next> {
        let mut slot = leader;
        loop {
            *steps = steps.saturating_add(1);
            let Some(insn) = self.insn(slot) else {
                return Vec::new();
            };
            let after = slot.saturating_add(if matches!(insn, Insn::Wide { .. }) {
                2
            } else {
                1
            });
            match insn {
                Insn::Jump { target } => return vec![Next(chain, target, state)],
                Insn::Branch { target, .. } => {
                    let mut taken = state.clone();
                    step::refine(insn, true, &mut taken);
                    step::refine(insn, false, &mut state);
                    return vec![Next(chain, target, taken), Next(chain, after, state)];
                }
                Insn::CallLocal { target } => {
                    let callee = *callees.entry((chain, slot)).or_insert_with(|| {
                        self.chains.push(Chain {
                            caller: Some((chain, slot)),
                            function: crate::stack::function_at(self.image, target).unwrap_or(0),
                        });
                        self.chains.len().saturating_sub(1)
                    });
                    state.enter();
                    return vec![Next(callee, target, state)];
                }
                Insn::Exit => {
                    let caller = self.chains.get(chain).and_then(|chain| chain.caller);
                    let Some((caller, call)) = caller else {
                        return Vec::new();
                    };
                    state.leave(call);
                    return vec![Next(caller, call.saturating_add(1), state)];
                }
                _ => step::apply(self.image, slot, insn, &mut state),
            }
            slot = after;
            if self.leaders.contains(&slot) {
                return vec![Next(chain, slot, state)];
            }
        }
    }

    /// The image that was analysed.
    pub(crate) fn image(&self) -> &'a Image {
        self.image
    }

    fn insn(&self, slot: u32) -> Option<Insn> {
        let index = usize::try_from(slot).ok()?;
        self.image.code().get(index).copied()
    }

    /// Shows every instruction that may be executed, with what holds before it, to `visitor`.
    pub(crate) fn visit(&self, mut visitor: impl FnMut(ChainId, u32, Insn, &State)) {
        let mut blocks: Vec<_> = self.states.keys().copied().collect();
        blocks.sort_unstable();
        for (chain, leader) in blocks {
            self.replay(chain, leader, &mut |slot, insn, state| {
                visitor(chain, slot, insn, state);
                true
            });
        }
    }

    /// What holds before the instruction in `slot` when it is reached by this chain of calls, given
    /// as the slots of the calls.
    pub(crate) fn before(&self, calls: &[u32], slot: u32) -> Option<State> {
        let chain = self.chain(calls)?;
        let leader = *self.leaders.range(..=slot).next_back()?;
        let mut found = None;
        self.replay(chain, leader, &mut |at, _, state| {
            if at == slot {
                found = Some(state.clone());
            }
            at != slot
        });
        found
    }

    /// Runs a block again, as long as `visitor` wants to see more.
    fn replay(
        &self,
        chain: ChainId,
        leader: u32,
        visitor: &mut dyn FnMut(u32, Insn, &State) -> bool,
    ) {
        let Some(mut state) = self.states.get(&(chain, leader)).cloned() else {
            return;
        };
        let mut slot = leader;
        while let Some(insn) = self.insn(slot) {
            if !visitor(slot, insn, &state) {
                return;
            }
            let ends = matches!(
                insn,
                Insn::Jump { .. } | Insn::Branch { .. } | Insn::CallLocal { .. } | Insn::Exit
            );
            if ends {
                return;
            }
            step::apply(self.image, slot, insn, &mut state);
            slot = slot.saturating_add(if matches!(insn, Insn::Wide { .. }) {
                2
            } else {
                1
            });
            if self.leaders.contains(&slot) {
                return;
            }
        }
    }

    /// The chain of these calls, if the analysis reached it.
    fn chain(&self, calls: &[u32]) -> Option<ChainId> {
        (0..self.chains.len()).find(|chain| self.calls(*chain) == calls)
    }

    /// The slots of the calls of a chain, the outermost first.
    pub(crate) fn calls(&self, chain: ChainId) -> Vec<u32> {
        let mut calls = Vec::new();
        let mut current = self.chains.get(chain);
        while let Some((caller, call)) = current.and_then(|chain| chain.caller) {
            calls.push(call);
            current = self.chains.get(caller);
        }
        calls.reverse();
        calls
    }

    /// The functions of a chain's frames, the entry function first.
    pub(crate) fn functions(&self, chain: ChainId) -> Vec<usize> {
        let mut functions = Vec::new();
        let mut current = self.chains.get(chain);
        while let Some(chain) = current {
            functions.push(chain.function);
            current = chain.caller.and_then(|(caller, _)| self.chains.get(caller));
        }
        functions.reverse();
        functions
    }
}

/// The first slots of basic blocks: entries, targets, and what follows a branch or a call.
fn leaders(image: &Image) -> BTreeSet<u32> {
    let mut leaders: BTreeSet<u32> = image.functions().iter().map(|f| f.start).collect();
    for (insn, slot) in image.code().iter().zip(1_u32..) {
        leaders.extend(insn.jump_target());
        if matches!(insn, Insn::Branch { .. } | Insn::CallLocal { .. }) {
            leaders.insert(slot);
        }
    }
    leaders
}

#[cfg(test)]
#[expect(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "small numbers of generated programs"
)]
mod tests;
