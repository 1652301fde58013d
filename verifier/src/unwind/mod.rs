//! Unwinding with assertions: a program without loops that does what a program with loops does.
//!
//! An engine that widens at the heads of loops forgets what it needs to know of most ordinary ones.
//! So it is given another program instead, in which every iteration of a loop has a copy of its own
//! (known from bounded model checking: Clarke, Kroening, Lerda, TACAS 2004). One iteration too many
//! leads to a trap, which cannot be proved safe. When the engine accepts the unwound program, no run
//! comes to a trap, so both programs run step by step alike, and what was proved of one holds for the
//! other. Only the original is signed and run.
//!
//! | module | does |
//! |---|---|
//! | `copies` | finds the copies of each block and where they lead |
//! | `guarded` | writes a program with its loops, and with guards that say what registers hold |
//! | `cases` | finds numbers of few values, of which each may be looked at by itself |
//! | `early` | finds tests that are better made before their time |
//! | `idle` | instructions beside the copies that change nothing |
//! | `layout` | writes them down as one program |
//! | `validate` | checks the result against the original, knowing neither of the two above |
//! | `longest` | counts the instructions of the longest path |
//! | `locate` | leads from a finding back to the instruction and its iteration |

mod cases;
mod copies;
mod early;
mod guarded;
mod idle;
mod layout;
mod locate;
mod longest;
#[cfg(test)]
mod tests;
mod validate;

use std::collections::BTreeMap;

use bpf_checker::{Graph, LoopFact, SlotSet};
use bpf_object::{Function, Image, Insn};

pub(crate) use copies::Apart;
use copies::Copy;
pub(crate) use guarded::guarded;
use layout::{Layout, Output};
pub(crate) use locate::place;

/// Slots of an unwound program before what is not reached is left out. The checker takes about a
/// microsecond for each, and the tables about a hundred bytes.
const MAX_SLOTS: usize = 1 << 19;

/// Slots that are written for one slot at most, with what stands beside it.
const MAX_WRITTEN: usize = 4;

/// How often each loop may be repeated, by the slot of its head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    iterations: BTreeMap<u32, u64>,
}

impl Bounds {
    /// Those that a proof found.
    pub(crate) fn of_loops(loops: &[LoopFact]) -> Self {
        let iterations = loops.iter().map(|fact| (fact.slot, fact.iterations));
        Self {
            iterations: iterations.collect(),
        }
    }

    /// Every loop with how often it is repeated, ascending by slot; at least once.
    pub(crate) fn all(&self) -> Vec<(u32, u64)> {
        let all = self.iterations.iter();
        all.map(|(slot, bound)| (*slot, (*bound).max(1))).collect()
    }

    /// Raises the bound of a loop to so many iterations.
    pub(crate) fn at_least(&mut self, slot: u32, iterations: u64) {
        let bound = self.iterations.entry(slot).or_default();
        *bound = (*bound).max(iterations);
    }

    /// The copies of the head at `slot` for each time that its loop is entered; one where nothing
    /// is known.
    pub(crate) fn of(&self, slot: u32) -> u64 {
        self.iterations.get(&slot).copied().unwrap_or(1)
    }

    /// Allows twice as many iterations of one loop.
    pub(crate) fn double(&mut self, slot: u32) {
        let doubled = self.of(slot).saturating_mul(2);
        self.iterations.insert(slot, doubled);
    }
}

/// The unwound program is longer than what is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge {
    /// The head of the loop with the most iterations in the function that was too large.
    pub(crate) slot: u32,
}

/// What a slot of an unwound program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A copy of the original's slot with this number.
    Copy(u32),
    /// An instruction of ours before a copy, where ways to the copy lead.
    Before,
    /// An instruction of ours that comes behind the slot before and is reached in no other way.
    Behind,
    /// The shift back of a number that was shifted behind the copy of a mask, the original's slot with
    /// this number, and is reached only from there.
    Back(u32),
    /// A jump that leads from one copy to another, or a test that leads to copies of one instruction
    /// either way, or to a trap.
    Glue,
    /// Part of a trap.
    Trap,
}

/// What a trap stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TrapCause {
    /// An iteration more than the bound of the loop with its head in this slot.
    Beyond(u32),
    /// A copy that another proof found unreachable.
    LeftOut,
    /// A register that holds what it does not by another proof.
    Guard,
}

/// Which program stands for the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// One without loops, whose traps nothing can prove safe.
    Unwound,
    /// One with the loops of the original. Its traps are safe, so that an engine may pass through them
    /// on the way to its result; in the result, none may be reachable.
    Guarded,
}

/// Copies of everything that a program can do within bounds.
#[derive(Debug)]
pub(crate) struct Unwinding<'a> {
    original: &'a Image,
    graphs: Vec<Graph>,
    /// By function.
    copies: Vec<Vec<Copy>>,
}

/// An unwound program.
#[derive(Debug)]
pub(crate) struct Unwound {
    /// The program.
    pub(crate) image: Image,
    /// By slot.
    roles: Vec<Role>,
    /// By the first slot of each trap.
    traps: BTreeMap<u32, TrapCause>,
    /// By the first slot of each copy: the index of the function, and of the copy in it.
    starts: BTreeMap<u32, (usize, usize)>,
}

impl Unwound {
    /// The first slots of all traps.
    pub(crate) fn traps(&self) -> impl Iterator<Item = u32> {
        self.traps.keys().copied()
    }
}

/// The graphs of all functions of an image.
pub(crate) fn graphs(image: &Image) -> Vec<Graph> {
    let slot = |slot: usize| u32::try_from(slot).unwrap_or(u32::MAX);
    let slots = (0..image.functions().len()).filter_map(|index| image.function_slots(index));
    slots
        .map(|slots| Graph::new(image.code(), slot(slots.start)..slot(slots.end)))
        .collect()
}

/// Whether a program has loops.
pub(crate) fn has_loops(image: &Image) -> bool {
    graphs(image).iter().any(|graph| graph.loops().len() > 1)
}

/// Slots that PREVAIL looks at: it inlines every call. At most [`usize::MAX`]; the nesting of calls is
/// bounded, as [`crate::stack`] checked.
pub(crate) fn inlined_size(image: &Image) -> usize {
    let functions = image.functions();
    let mut sizes: Vec<Option<usize>> = vec![None; functions.len()];
    // Callees first: with each round at least one function is known whose callees are.
    for _ in 0..functions.len() {
        for index in 0..functions.len() {
            let size = size_of(image, index, &sizes);
            if let Some(known) = sizes.get_mut(index) {
                *known = known.or(size);
            }
        }
        if sizes.first().copied().flatten().is_some() {
            break;
        }
    }
    sizes.first().copied().flatten().unwrap_or(usize::MAX)
}

/// The slots of a function and of all that it calls, if those are known.
fn size_of(image: &Image, index: usize, sizes: &[Option<usize>]) -> Option<usize> {
    let slots = image.function_slots(index)?;
    let code = image.code().get(slots)?;
    code.iter().try_fold(code.len(), |sum, insn| {
        let Insn::CallLocal { target } = insn else {
            return Some(sum);
        };
        let functions = image.functions();
        let callee = functions.binary_search_by_key(target, |function| function.start);
        let size = sizes.get(callee.ok()?).copied().flatten()?;
        Some(sum.saturating_add(size))
    })
}

impl<'a> Unwinding<'a> {
    /// Unwinds every function of an image.
    ///
    /// # Errors
    /// There would be more than [`MAX_SLOTS`] slots.
    pub(crate) fn new(original: &'a Image, bounds: &Bounds) -> Result<Self, TooLarge> {
        Self::with_apart(original, bounds, Apart::Nothing)
    }

    /// The same, with some paths apart.
    ///
    /// # Errors
    /// There would be more than [`MAX_SLOTS`] slots.
    pub(crate) fn with_apart(
        original: &'a Image,
        bounds: &Bounds,
        apart: Apart,
    ) -> Result<Self, TooLarge> {
        let graphs = graphs(original);
        let mut budget = MAX_SLOTS;
        let mut copies = Vec::new();
        for graph in &graphs {
            copies.push(copies::copies(original, graph, bounds, apart, &mut budget)?);
        }
        Ok(Self {
            original,
            graphs,
            copies,
        })
    }

    /// The program with every copy.
    ///
    /// # Errors
    /// The validator does not accept it.
    pub(crate) fn whole(&self) -> Result<Unwound, Invalid> {
        let all = |copies: &Vec<Copy>| vec![true; copies.len()];
        self.lay_out(&self.copies.iter().map(all).collect::<Vec<_>>())
    }

    /// The program with the copies that are reachable by a proof of the [whole](Self::whole) one.
    /// Whether that proof is right does not matter: edges to what is left out lead to a trap.
    ///
    /// # Errors
    /// The validator does not accept it.
    pub(crate) fn reached(&self, whole: &Unwound, reached: &SlotSet) -> Result<Unwound, Invalid> {
        let none = |copies: &Vec<Copy>| vec![false; copies.len()];
        let mut kept: Vec<Vec<bool>> = self.copies.iter().map(none).collect();
        for (slot, (function, copy)) in &whole.starts {
            let kept = kept.get_mut(*function).and_then(|kept| kept.get_mut(*copy));
            if let Some(kept) = kept {
                // A function starts with its first copy, whether it is called or not.
                *kept = *copy == 0 || reached.contains(*slot);
            }
        }
        self.lay_out(&kept)
    }

    fn lay_out(&self, kept: &[Vec<bool>]) -> Result<Unwound, Invalid> {
        let mut output = Output::default();
        let mut functions = Vec::new();
        let parts = self.graphs.iter().zip(&self.copies).zip(kept);
        let named = self.original.functions().iter().zip(parts).enumerate();
        for (index, (function, ((graph, copies), kept))) in named {
            functions.push(Function {
                name: function.name.clone(),
                start: u32::try_from(output.code.len()).unwrap_or(u32::MAX),
            });
            let layout = Layout {
                image: self.original,
                graph,
                index,
                copies,
                kept,
            };
            layout.write(&mut output);
        }
        layout::retarget_calls(self.original, &functions, &mut output.code);
        let image = self
            .original
            .with_code(
                output.code,
                functions,
                MAX_SLOTS.saturating_mul(MAX_WRITTEN),
            )
            .map_err(|error| Invalid(error.to_string()))?;
        validate::validate(self.original, &image, &output.roles, Form::Unwound)?;
        Ok(Unwound {
            image,
            roles: output.roles,
            traps: output.traps,
            starts: output.starts,
        })
    }
}

/// An unwound program is not what it should be; a defect of this module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the unwound program is invalid: {0}")]
pub(crate) struct Invalid(pub(crate) String);
