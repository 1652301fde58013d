//! The copies of a function's blocks, one for each iteration of the loops that they lie in.
//!
//! Blocks are in a weak topological order ([`Graph`]): each cycle has an edge that leads backwards
//! in it. A copy is a block together with how often the innermost loop around both ends of such an
//! edge was repeated, for each loop around the block. An edge forwards keeps these numbers, as far as
//! it stays in the loops, and starts the loops that it enters at 0; an edge backwards adds one. So
//! copies have an order, too, in which every edge leads forwards, and this holds for every graph,
//! for loops with several entries as for loops that share a head.
//!
//! What follows a number of [few values](super::cases) may have copies for each of them; the values on
//! the way to a copy are the first number of its key.
//!
//! A block whose test is made [before its time](super::early) has three copies instead of one: up to
//! there, and the rest for each answer.

use core::ops::Range;
use std::collections::{BTreeMap, HashMap};

use bpf_checker::Graph;
use bpf_object::{Image, Insn};

use super::cases::{Cases, cases};
use super::early::{Early, early};
use super::{Bounds, TooLarge};

/// Where a copy stands: for each loop around the block, outermost first, the iteration, and the first
/// place of the next loop inwards; then the place of the block, its part, and by which [exit](Apart) a
/// loop was left. Keys are in the order of execution.
type Key = Vec<u32>;

/// Which paths do not meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Apart {
    /// All that lead to one instruction in one iteration meet.
    Nothing,
    /// Those that leave a loop, by the iteration in which it was left, and the block from which, until
    /// another loop begins or the next iteration of the one around it. What holds after one iteration
    /// and not after another is kept.
    Exits,
    /// Those on which a number has another of its [few values](super::cases).
    Cases,
}

/// Masks behind each other on one path of which the values are told apart.
const MAX_CASES: u32 = 2;

/// More than a mask has values.
const BASE: u32 = 32;

/// No loop was left, or it does not matter when.
const TOGETHER: u32 = 0;

/// The part of a block before its early test, or all of it.
const FIRST: u32 = 0;

/// The rest of a block when the early test does not hold.
const FAILED: u32 = 1;

/// The rest of a block when the early test holds.
const HELD: u32 = 2;

/// The rest of a block for one value of a number.
const CASE: u32 = 3;

/// The first test for a value; the others follow.
const TESTS: u32 = 4;

/// A block, or a part of one, in one iteration of each loop around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Copy {
    /// An instruction of ours before them, and the original's slot of the mask that it belongs to.
    pub(super) back: Option<(Insn, u32)>,
    /// Its slots.
    pub(super) slots: Range<u32>,
    /// An instruction of ours behind them.
    pub(super) down: Option<Insn>,
    /// The test of ours at its end.
    pub(super) test: Option<Insn>,
    /// The loops around it, outermost first, by index in the graph, and in which iteration each is,
    /// from 0. The function as a whole is left out.
    pub(super) iterations: Vec<(usize, u32)>,
    /// Where execution goes from its end.
    pub(super) fall: Option<Target>,
    /// Where its jump, branch or test leads.
    pub(super) jump: Option<Target>,
}

/// Where an edge leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// To the copy with this index.
    Copy(usize),
    /// To one iteration too many of the loop with this index.
    Beyond(usize),
}

/// The copies of one function in the order of execution, the one of its first instruction first.
pub(super) fn copies(
    image: &Image,
    graph: &Graph,
    bounds: &Bounds,
    apart: Apart,
    budget: &mut usize,
) -> Result<Vec<Copy>, TooLarge> {
    let mut expansion = Expansion {
        graph,
        apart,
        chains: (0..graph.loops().len())
            .map(|index| chain(graph, index))
            .collect(),
        early: graph
            .blocks()
            .iter()
            .map(|block| early(image, block))
            .collect(),
        cases: match apart {
            Apart::Cases => graph
                .blocks()
                .iter()
                .map(|block| cases(image, block))
                .collect(),
            Apart::Nothing | Apart::Exits => Vec::new(),
        },
        pending: BTreeMap::new(),
        count: 0,
    };
    let mut copies: Vec<(usize, Copy)> = Vec::new();
    expansion.find(expansion.entry());
    while let Some((key, index)) = expansion.pending.pop_first() {
        let Some(copy) = expansion.copy(image, &key, bounds) else {
            continue;
        };
        // Whatever may have to stand beside it is counted, too.
        let slots = copy.slots.len().saturating_add(BESIDE);
        *budget = budget.checked_sub(slots).ok_or_else(|| TooLarge {
            slot: expansion.widest(bounds),
        })?;
        copies.push((index, copy));
    }
    Ok(in_order(copies))
}

/// Copies were numbered when they were found; they are to be numbered by their order.
fn in_order(found: Vec<(usize, Copy)>) -> Vec<Copy> {
    let numbers = found.iter().enumerate();
    let numbers: HashMap<usize, usize> = numbers.map(|(new, (old, _))| (*old, new)).collect();
    let renumber = |target: Target| match target {
        Target::Copy(old) => numbers.get(&old).copied().map(Target::Copy),
        beyond @ Target::Beyond(_) => Some(beyond),
    };
    let renumbered = found.into_iter().map(|(_, copy)| Copy {
        fall: copy.fall.and_then(renumber),
        jump: copy.jump.and_then(renumber),
        ..copy
    });
    renumbered.collect()
}

/// Jumps of ours at the end of a copy.
const BESIDE: usize = 1;

/// Whether the values of another number may be told apart on the way to a copy.
fn is_short(key: &Key) -> bool {
    let values = key.first().copied().unwrap_or(0);
    values.checked_div(BASE.saturating_pow(MAX_CASES.saturating_sub(1))) == Some(0)
}

/// Where a block leads: behind its end, and to the target of its last instruction.
fn ends(image: &Image, block: &Range<u32>) -> (Option<u32>, Option<u32>) {
    let last = last(image, block);
    let falls = last.is_none_or(Insn::falls_through);
    (falls.then_some(block.end), last.and_then(Insn::jump_target))
}

/// The last instruction of a block; its second slot counts as one that only leads on.
fn last(image: &Image, block: &Range<u32>) -> Option<Insn> {
    let slot = usize::try_from(block.end.checked_sub(1)?).ok()?;
    image.code().get(slot).copied()
}

/// The loops around a loop, outermost first, itself last.
fn chain(graph: &Graph, index: usize) -> Vec<usize> {
    let mut chain = vec![index];
    while let Some(parent) = chain
        .last()
        .and_then(|index| graph.loops().get(*index))
        .and_then(|around| around.parent)
    {
        chain.push(parent);
    }
    chain.reverse();
    chain
}

struct Expansion<'g> {
    graph: &'g Graph,
    apart: Apart,
    /// By loop: the loops around it.
    chains: Vec<Vec<usize>>,
    /// By block: its test before its time.
    early: Vec<Option<Early>>,
    /// By block: its number of few values.
    cases: Vec<Option<Cases>>,
    /// Copies that are found and not yet looked at, with the number that each got.
    pending: BTreeMap<Key, usize>,
    count: usize,
}

impl Expansion<'_> {
    /// The key of the function's first block.
    fn entry(&self) -> Key {
        let mut key = vec![0];
        self.enter(&mut key, self.around(0).get(1..).unwrap_or_default());
        key.extend([0, FIRST, TOGETHER]);
        key
    }

    /// The loops around a block, outermost first.
    fn around(&self, place: usize) -> &[usize] {
        let innermost = self.graph.innermost(place).unwrap_or(0);
        self.chains.get(innermost).map_or(&[], Vec::as_slice)
    }

    /// The copy that a key is of.
    fn copy(&mut self, image: &Image, key: &Key, bounds: &Bounds) -> Option<Copy> {
        let [.., place, part, _] = key.as_slice() else {
            return None;
        };
        let place = usize::try_from(*place).ok()?;
        let block = self.graph.blocks().get(place)?.clone();
        let iterations = self.iterations(key, place);
        let plain = Copy {
            back: None,
            slots: block.clone(),
            down: None,
            test: None,
            iterations,
            fall: None,
            jump: None,
        };
        let cases = self.cases.get(place).copied().flatten();
        if let Some(cases) = cases.filter(|_| *part >= CASE || *part == FIRST && is_short(key)) {
            let behind = cases.mask.saturating_add(1);
            match part.checked_sub(TESTS) {
                _ if *part == FIRST => {
                    return Some(Copy {
                        slots: block.start..behind,
                        down: cases.down(),
                        fall: Some(self.part(key, TESTS)),
                        ..plain
                    });
                }
                Some(value) => {
                    let next = value.saturating_add(1);
                    let is_last = next.saturating_add(1) >= cases.count;
                    return Some(Copy {
                        slots: behind..behind,
                        test: cases.test(value),
                        jump: Some(self.case(key, value)?),
                        fall: Some(match is_last {
                            true => self.case(key, next)?,
                            false => self.part(key, part.saturating_add(1)),
                        }),
                        ..plain
                    });
                }
                None => {}
            }
            let (fall, jump) = ends(image, &block);
            return Some(Copy {
                back: cases.back().map(|back| (back, cases.mask)),
                slots: behind..block.end,
                fall: fall.and_then(|slot| self.follow(key, place, slot, bounds)),
                jump: jump.and_then(|slot| self.follow(key, place, slot, bounds)),
                ..plain
            });
        }
        let early = self.early.get(place).copied().flatten();
        if let (Some(early), FIRST) = (early, *part) {
            return Some(Copy {
                slots: block.start..early.slot,
                test: Some(early.test),
                fall: Some(self.part(key, FAILED)),
                jump: Some(self.part(key, HELD)),
                ..plain
            });
        }
        let (fall, jump) = ends(image, &block);
        Some(Copy {
            slots: early.map_or(block.start, |early| early.slot)..block.end,
            fall: fall.and_then(|slot| self.follow(key, place, slot, bounds)),
            jump: jump.and_then(|slot| self.follow(key, place, slot, bounds)),
            ..plain
        })
    }

    /// Another part of the block that a key is of.
    fn part(&mut self, key: &Key, part: u32) -> Target {
        let mut key = key.clone();
        if let [.., last, _] = key.as_mut_slice() {
            *last = part;
        }
        Target::Copy(self.find(key))
    }

    fn iterations(&self, key: &Key, place: usize) -> Vec<(usize, u32)> {
        let numbers = key.iter().step_by(2).copied();
        let around = self.around(place).iter().copied();
        around.zip(numbers).skip(1).collect()
    }

    /// The number of a copy; it is put where it will be looked at, unless it is there already. Keys
    /// that were looked at come before all that are asked for.
    fn find(&mut self, key: Key) -> usize {
        let next = self.count;
        let number = *self.pending.entry(key).or_insert(next);
        if number == next {
            self.count = next.saturating_add(1);
        }
        number
    }

    /// Follows an edge from a copy of the block at `from` to the block that starts in `slot`.
    fn follow(&mut self, key: &Key, from: usize, slot: u32, bounds: &Bounds) -> Option<Target> {
        let to = self.graph.place(slot)?;
        let (inside, outside) = (self.around(from), self.around(to));
        let common = inside.iter().zip(outside).take_while(|(a, b)| a == b);
        let depth = common.count().checked_sub(1)?;
        let index = *outside.get(depth)?;
        let entered = outside.get(depth.saturating_add(1)..).unwrap_or_default();
        // The function comes first; each loop takes two numbers.
        let kept = depth.saturating_mul(2).saturating_add(1);
        let mut next = key.get(..kept)?.to_vec();
        let exit = match self.apart {
            Apart::Exits if to > from && entered.is_empty() => {
                // Of the loop that is left, else of one that was left before.
                match key.get(kept.saturating_add(1)) {
                    Some(iteration) if inside.len() > depth.saturating_add(1) => {
                        self.exit(*iteration, from)?
                    }
                    _ => *key.last()?,
                }
            }
            _ => TOGETHER,
        };
        if to <= from {
            let iteration = next.last_mut()?;
            *iteration = iteration.saturating_add(1);
            if u64::from(*iteration) >= bounds.of(self.graph.head(index)?) {
                return Some(Target::Beyond(index));
            }
        }
        self.enter(&mut next, entered);
        next.extend([u32::try_from(to).ok()?, FIRST, exit]);
        Some(Target::Copy(self.find(next)))
    }

    /// The rest of the block that a key is of for one value of its number.
    fn case(&mut self, key: &Key, value: u32) -> Option<Target> {
        let mut key = key.clone();
        if let [values, .., part, _] = key.as_mut_slice() {
            *values = values
                .checked_mul(BASE)?
                .checked_add(value)?
                .checked_add(1)?;
            *part = CASE;
        }
        Some(Target::Copy(self.find(key)))
    }

    /// The number of an exit: the iteration in which a loop is left, and the block from which.
    fn exit(&self, iteration: u32, from: usize) -> Option<u32> {
        let blocks = u32::try_from(self.graph.blocks().len()).ok()?;
        let exit = iteration.checked_mul(blocks)?;
        exit.checked_add(u32::try_from(from).ok()?)?.checked_add(1)
    }

    /// Enters loops in their first iteration.
    fn enter(&self, key: &mut Key, entered: &[usize]) {
        for index in entered {
            let start = self.graph.loops().get(*index);
            let start = start.map_or(0, |around| around.places.start);
            key.extend([u32::try_from(start).unwrap_or(u32::MAX), 0]);
        }
    }

    /// The head of the loop with the most iterations: the one to name when there are too many.
    fn widest(&self, bounds: &Bounds) -> u32 {
        let heads = (1..self.graph.loops().len()).filter_map(|index| self.graph.head(index));
        heads.max_by_key(|slot| bounds.of(*slot)).unwrap_or(0)
    }
}
