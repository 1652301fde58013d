//! Control flow of one function: basic blocks, and loops within loops.
//!
//! The order of the blocks is a weak topological order (Bourdoncle, FMPA 1993), made by taking
//! strongly connected components apart: a component is a loop, its first block is its head, and the
//! blocks of a loop lie next to each other. Only edges back to a loop's head, or into the middle of
//! a loop that has several entries, lead backwards.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use bpf_object::Insn;

/// Nesting of loops that the order takes apart; inner loops beyond it are walked in one piece, which
/// is as correct and less precise. clang's own limit on nested brackets is 256; programs have 3.
const MAX_NESTING: usize = 32;

/// The blocks of one function in the order in which they are walked. An edge to a place that does
/// not come later in the order leads backwards, and each cycle has such an edge, whatever the graph
/// is like.
#[derive(Debug)]
pub struct Graph {
    /// Slots of each block.
    pub(crate) blocks: Vec<Range<u32>>,
    /// Place of the block that starts in a slot.
    places: BTreeMap<u32, usize>,
    /// The loops; the first is the whole function. A loop comes after those around it.
    pub(crate) loops: Vec<Loop>,
    /// By block: the innermost loop.
    innermost: Vec<usize>,
}

/// A loop: a contiguous range of places.
#[derive(Clone, Debug)]
pub struct Loop {
    /// The places of its blocks; the first is its head.
    pub places: Range<usize>,
    /// The index of the loop around it; `None` for the whole function.
    pub parent: Option<usize>,
}

impl Graph {
    /// The graph of the function in `slots`; blocks that its first slot does not reach are left out.
    #[must_use]
    pub fn new(code: &[Insn], slots: Range<u32>) -> Self {
        let blocks = split(code, slots);
        let successors = edges(code, &blocks);
        let mut order = Order {
            successors: &successors,
            done: Vec::with_capacity(blocks.len()),
            innermost: vec![0; blocks.len()],
            loops: vec![Loop {
                places: 0..blocks.len(),
                parent: None,
            }],
            search: Search::new(blocks.len()),
        };
        order.arrange();
        let Order {
            done,
            innermost,
            mut loops,
            ..
        } = order;
        let ordered: Vec<Range<u32>> = done
            .iter()
            .filter_map(|i| blocks.get(*i).cloned())
            .collect();
        let places = ordered.iter().enumerate();
        let places = places.map(|(place, block)| (block.start, place)).collect();
        let innermost = done.iter().map(|i| innermost.get(*i).copied().unwrap_or(0));
        let innermost: Vec<usize> = innermost.collect();
        // What no path reaches is left out of the order.
        if let Some(function) = loops.first_mut() {
            function.places = 0..ordered.len();
        }
        Self {
            blocks: ordered,
            places,
            loops,
            innermost,
        }
    }

    /// The slots of each block, by place.
    #[must_use]
    pub fn blocks(&self) -> &[Range<u32>] {
        &self.blocks
    }

    /// The loops; the first is the whole function, and a loop comes after those around it.
    #[must_use]
    pub fn loops(&self) -> &[Loop] {
        &self.loops
    }

    /// The innermost loop around the block at `place`.
    #[must_use]
    pub fn innermost(&self, place: usize) -> Option<usize> {
        self.innermost.get(place).copied()
    }

    /// The slot in which a loop's first block starts.
    #[must_use]
    pub fn head(&self, index: usize) -> Option<u32> {
        let block = self.blocks.get(self.loops.get(index)?.places.start)?;
        Some(block.start)
    }

    /// The place of the block that starts in `slot`.
    #[must_use]
    pub fn place(&self, slot: u32) -> Option<usize> {
        self.places.get(&slot).copied()
    }

    /// Whether the block at `place` is the first of a loop.
    pub(crate) fn is_head(&self, place: usize) -> bool {
        let innermost = self.innermost(place).filter(|index| *index != 0);
        let around = innermost.and_then(|index| self.loops.get(index));
        around.is_some_and(|around| around.places.start == place)
    }

    /// The loop directly within `around` that holds the block at `place`, if there is one.
    pub(crate) fn loop_within(&self, around: usize, place: usize) -> Option<usize> {
        let mut index = self.innermost.get(place).copied()?;
        while index != around {
            let parent = self.loops.get(index)?.parent?;
            if parent == around {
                return Some(index);
            }
            index = parent;
        }
        None
    }
}

/// Basic blocks in ascending order: a block ends at a jump, branch or exit and before a target.
fn split(code: &[Insn], slots: Range<u32>) -> Vec<Range<u32>> {
    let mut starts = vec![slots.start];
    for (slot, insn) in with_slots(code, &slots) {
        starts.extend(insn.jump_target());
        let next = slot.saturating_add(1);
        if (insn.jump_target().is_some() || *insn == Insn::Exit) && next < slots.end {
            starts.push(next);
        }
    }
    starts.sort_unstable();
    starts.dedup();
    let ends = starts.iter().skip(1).copied().chain([slots.end]);
    let blocks = starts.iter().zip(ends).map(|(start, end)| *start..end);
    blocks.collect()
}

fn with_slots<'c>(code: &'c [Insn], slots: &Range<u32>) -> impl Iterator<Item = (u32, &'c Insn)> {
    let index = |slot: u32| usize::try_from(slot).unwrap_or(usize::MAX);
    let insns = code.get(index(slots.start)..index(slots.end));
    slots.clone().zip(insns.unwrap_or_default())
}

/// The successors of each block: at most two.
fn edges(code: &[Insn], blocks: &[Range<u32>]) -> Vec<Vec<usize>> {
    let index_of = |slot: u32| blocks.binary_search_by_key(&slot, |block| block.start).ok();
    let successors = blocks.iter().map(|block| {
        let last = with_slots(code, block).last().map(|(_, insn)| *insn);
        let next = last.filter(|insn| insn.falls_through()).map(|_| block.end);
        let target = last.and_then(Insn::jump_target);
        next.into_iter()
            .chain(target)
            .filter_map(index_of)
            .collect()
    });
    successors.collect()
}

/// Puts blocks in order.
struct Order<'g> {
    successors: &'g [Vec<usize>],
    done: Vec<usize>,
    innermost: Vec<usize>,
    loops: Vec<Loop>,
    search: Search,
}

/// A set of blocks that remain to be put in order: one component of a graph.
struct Piece {
    blocks: Vec<usize>,
    within: usize,
    nesting: usize,
    is_loop: bool,
}

impl Order<'_> {
    /// Takes the function apart, outer loops first. The stack holds what is still to be put in
    /// order, the next piece on top.
    fn arrange(&mut self) {
        let all: Vec<usize> = (0..self.successors.len()).collect();
        let components = self.search.components(self.successors, &[0], &all);
        let mut stack = self.pieces(components, 0, 0);
        while let Some(piece) = stack.pop() {
            let flat = !piece.is_loop || piece.nesting >= MAX_NESTING;
            let Some((head, rest)) = piece.blocks.split_first().filter(|_| !flat) else {
                for block in piece.blocks {
                    self.put(block, piece.within);
                }
                continue;
            };
            let start = self.done.len();
            let index = self.loops.len();
            self.loops.push(Loop {
                places: start..start.saturating_add(piece.blocks.len()),
                parent: Some(piece.within),
            });
            self.put(*head, index);
            let parts = self.search.components(self.successors, rest, rest);
            stack.extend(self.pieces(parts, index, piece.nesting.saturating_add(1)));
        }
    }

    fn put(&mut self, block: usize, within: usize) {
        self.done.push(block);
        if let Some(innermost) = self.innermost.get_mut(block) {
            *innermost = within;
        }
    }

    /// Components in reverse topological order, which is the order for a stack.
    fn pieces(&self, components: Vec<Vec<usize>>, within: usize, nesting: usize) -> Vec<Piece> {
        let pieces = components.into_iter().map(|blocks| {
            let to_itself = |block: &usize| {
                let successors = self.successors.get(*block);
                successors.is_some_and(|successors| successors.contains(block))
            };
            Piece {
                is_loop: blocks.len() > 1 || blocks.first().is_some_and(to_itself),
                blocks,
                within,
                nesting,
            }
        });
        pieces.collect()
    }
}

/// A depth-first search for strongly connected components (Tarjan, SIAM J. Comput. 1972), without
/// recursion. The tables are kept between searches, so that a search takes time by the size of its
/// part of the graph.
struct Search {
    /// By block: the number of the search that it takes part in.
    part_of: Vec<usize>,
    /// By block: its number in order of entry, [`UNSEEN`] or [`FINISHED`].
    entered: Vec<usize>,
    /// By block: the earliest open block that it is known to reach.
    lowest: Vec<usize>,
    /// Blocks that are entered and whose component is not finished.
    open: Vec<usize>,
    searches: usize,
    components: Vec<Vec<usize>>,
}

/// The entry number of a block that is not entered yet.
const UNSEEN: usize = usize::MAX;

/// The entry number of a block whose component is finished: greater than that of any open block.
const FINISHED: usize = usize::MAX - 1;

impl Search {
    fn new(blocks: usize) -> Self {
        Self {
            part_of: vec![0; blocks],
            entered: vec![UNSEEN; blocks],
            lowest: vec![UNSEEN; blocks],
            open: Vec::new(),
            searches: 0,
            components: Vec::new(),
        }
    }

    /// Components of the part of the graph that `roots` reach, in reverse topological order, each in
    /// the order of entry.
    fn components(
        &mut self,
        successors: &[Vec<usize>],
        roots: &[usize],
        part: &[usize],
    ) -> Vec<Vec<usize>> {
        self.searches = self.searches.saturating_add(1);
        for block in part {
            set(&mut self.part_of, *block, self.searches);
            set(&mut self.entered, *block, UNSEEN);
        }
        let mut entries = 0;
        for root in roots {
            if self.entered.get(*root) == Some(&UNSEEN) {
                self.search_from(*root, successors, &mut entries);
            }
        }
        core::mem::take(&mut self.components)
    }

    fn search_from(&mut self, root: usize, successors: &[Vec<usize>], entries: &mut usize) {
        self.enter(root, entries);
        let mut path = vec![(root, 0_usize)];
        while let Some((block, edge)) = path.pop() {
            let next = successors.get(block).and_then(|next| next.get(edge));
            let Some(next) = next.copied() else {
                self.leave(block);
                if let Some((parent, _)) = path.last() {
                    let reached = self.lowest.get(block).copied();
                    self.lower(*parent, reached);
                }
                continue;
            };
            path.push((block, edge.saturating_add(1)));
            if self.part_of.get(next) != Some(&self.searches) {
                continue;
            }
            if self.entered.get(next) == Some(&UNSEEN) {
                self.enter(next, entries);
                path.push((next, 0));
            } else {
                let reached = self.entered.get(next).copied();
                self.lower(block, reached);
            }
        }
    }

    fn enter(&mut self, block: usize, entries: &mut usize) {
        set(&mut self.entered, block, *entries);
        set(&mut self.lowest, block, *entries);
        *entries = entries.saturating_add(1);
        self.open.push(block);
    }

    fn lower(&mut self, block: usize, to: Option<usize>) {
        if let (Some(lowest), Some(to)) = (self.lowest.get_mut(block), to) {
            *lowest = (*lowest).min(to);
        }
    }

    /// All edges of `block` are followed: when it reaches nothing that was entered before it, it
    /// and everything entered since form a component.
    fn leave(&mut self, block: usize) {
        if self.entered.get(block) != self.lowest.get(block) {
            return;
        }
        let start = self.open.iter().rposition(|open| *open == block);
        let component = self.open.split_off(start.unwrap_or(0));
        for block in &component {
            set(&mut self.entered, *block, FINISHED);
            set(&mut self.lowest, *block, FINISHED);
        }
        self.components.push(component);
    }
}

fn set(table: &mut [usize], index: usize, value: usize) {
    if let Some(entry) = table.get_mut(index) {
        *entry = value;
    }
}
