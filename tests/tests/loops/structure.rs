//! Natural loops of a program, found in another way than any verifier finds them: for an observer
//! that counts iterations.

use std::collections::{BTreeMap, BTreeSet};

use bpf_object::Image;

/// Loops by the slot of their head, each with all slots of its body.
#[derive(Debug)]
pub(crate) struct Structure {
    bodies: BTreeMap<u32, BTreeSet<u32>>,
}

impl Structure {
    pub(crate) fn new(image: &Image) -> Self {
        let functions = 0..image.functions().len();
        let bodies = functions.flat_map(|index| loops(image, index)).collect();
        Self { bodies }
    }

    /// Whether `slot` is the head of a loop.
    pub(crate) fn is_head(&self, slot: u32) -> bool {
        self.bodies.contains_key(&slot)
    }

    /// Whether coming from `from` to the head `head` is a further iteration, not an entry.
    pub(crate) fn repeats(&self, from: u32, head: u32) -> bool {
        self.bodies[&head].contains(&from)
    }
}

/// The loops of one function. A head dominates a jump back to it: without the head, there is no way
/// from the function's start to that jump.
fn loops(image: &Image, function: usize) -> Vec<(u32, BTreeSet<u32>)> {
    let slots = image.function_slots(function).unwrap();
    let (start, end) = (slots.start as u32, slots.end as u32);
    let mut before: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for slot in start..end {
        for next in successors(image, slot) {
            before.entry(next).or_default().push(slot);
        }
    }
    let predecessors = |slot: u32| before.get(&slot).cloned().unwrap_or_default();
    let all = reach(start, None, |slot| successors(image, slot));
    let heads = all.iter().filter_map(|&head| {
        let around = reach(start, Some(head), |slot| successors(image, slot));
        let back = predecessors(head).into_iter();
        let back = back.filter(|from| all.contains(from) && !around.contains(from));
        let mut body = BTreeSet::from([head]);
        for from in back {
            body.extend(reach(from, Some(head), predecessors));
            body.insert(from);
        }
        let is_loop = body.len() > 1 || predecessors(head).contains(&head);
        is_loop.then_some((head, body))
    });
    heads.collect()
}

fn successors(image: &Image, slot: u32) -> Vec<u32> {
    let insn = image.code()[slot as usize];
    let next = insn.falls_through().then_some(slot + insn.slots() as u32);
    next.into_iter().chain(insn.jump_target()).collect()
}

/// What can be reached from `start` without going through `without`.
fn reach(start: u32, without: Option<u32>, edges: impl Fn(u32) -> Vec<u32>) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![start];
    while let Some(slot) = waiting.pop() {
        if Some(slot) != without && found.insert(slot) {
            waiting.extend(edges(slot));
        }
    }
    found
}
