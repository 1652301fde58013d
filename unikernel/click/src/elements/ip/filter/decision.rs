//! Programs of tests turned into decisions: a graph in which each node looks at some bits of a word
//! once, and goes on by their value.
//!
//! A packet passes as many nodes as there are different words and masks on its way, however many
//! rules there are: each node is one comparison, or one look into a table. Making the graph takes
//! time and room in proportion to the rules where these look at one field, and to the square where two
//! fields are mixed freely; with more it may grow without bound. Beyond a budget, what is left of the
//! program is run step by step instead.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::steps::{Headers, Next, Place, Step, Steps};

/// Tests that are looked at while a graph is made: some tenths of a second.
const MAX_WORK: usize = 1 << 26;

/// What a test costs that is left over, where one that is passed by costs 1.
const VISIT: usize = 8;

/// Tests and cases of a graph: some ten megabytes.
const MAX_SIZE: usize = 1 << 20;

/// Nodes that follow each other: more than there are bits in all headers that patterns can name would
/// not help, and the stack is bounded.
const MAX_DEPTH: usize = 64;

/// What becomes of packets.
#[derive(Debug)]
pub(super) struct Decision {
    start: Next,
    nodes: Vec<Node>,
    /// The program, for packets that end before the bits that are looked at.
    steps: Steps,
}

#[derive(Debug)]
enum Node {
    Switch(Switch),
    /// What the budget did not suffice for.
    Program(Steps),
}

/// Goes on by the value of some bits.
#[derive(Debug)]
struct Switch {
    place: Place,
    mask: u32,
    /// Bits that the packet must have, so that no test of the program at this place finds it short.
    needed: u32,
    cases: Cases,
    otherwise: Next,
}

/// Values and where they lead.
#[derive(Debug)]
enum Cases {
    /// A few, one after the other.
    Few(Vec<(u32, Next)>),
    /// Many, in a table of a power of two, at most half full: a value stands at its place or behind.
    Many {
        table: Vec<Option<(u32, Next)>>,
        shift: u32,
    },
}

/// Values that are compared one after the other; beyond, a table is faster.
const FEW: usize = 6;

impl Cases {
    fn new(cases: Vec<(u32, Next)>) -> Self {
        if cases.len() <= FEW {
            return Self::Few(cases);
        }
        let size = cases.len().saturating_mul(2).next_power_of_two();
        let shift = u32::BITS.saturating_sub(size.trailing_zeros());
        let mut table: Vec<Option<(u32, Next)>> = alloc::vec![None; size];
        for case in cases {
            let start = slot(case.0, shift);
            let mut places = (start..size).chain(0..start);
            let free = places.find(|at| table.get(*at).is_some_and(Option::is_none));
            if let Some(place) = free.and_then(|at| table.get_mut(at)) {
                *place = Some(case);
            }
        }
        Self::Many { table, shift }
    }

    #[inline]
    fn find(&self, value: u32) -> Option<Next> {
        match self {
            Self::Few(cases) => cases.iter().find(|case| case.0 == value).map(|case| case.1),
            Self::Many { table, shift } => {
                let start = slot(value, *shift);
                let (front, back) = table.split_at_checked(start)?;
                for place in back.iter().chain(front) {
                    match place {
                        None => return None,
                        Some((known, next)) if *known == value => return Some(*next),
                        Some(_) => {}
                    }
                }
                None
            }
        }
    }
}

/// Where a value belongs in a table: the high bits of a product (Fibonacci hashing).
fn slot(value: u32, shift: u32) -> usize {
    /// 2^32 divided by the golden ratio.
    const FACTOR: u32 = 0x9e37_79b9;
    let hash = value.wrapping_mul(FACTOR).checked_shr(shift);
    usize::try_from(hash.unwrap_or_default()).unwrap_or_default()
}

/// What is known of some bits of a word.
enum Fact<'a> {
    Is(u32),
    /// It is none of these, in order.
    IsNoneOf(&'a [u32]),
}

impl Decision {
    pub(super) fn new(steps: Steps) -> Self {
        let mut builder = Builder {
            needed: BTreeMap::new(),
            nodes: Vec::new(),
            known: BTreeMap::new(),
            work: MAX_WORK,
            room: MAX_SIZE,
        };
        for step in &steps.steps {
            let needed = builder.needed.entry(step.place).or_insert(0_u32);
            *needed |= step.mask;
        }
        let start = builder.build(steps.clone(), 0);
        Self {
            start,
            nodes: builder.nodes,
            steps,
        }
    }

    /// Where all packets go, if that does not depend on them.
    pub(super) const fn constant(&self) -> Option<Next> {
        match self.start {
            Next::Step(_) => None,
            constant => Some(constant),
        }
    }

    /// The program.
    pub(super) const fn steps(&self) -> &Steps {
        &self.steps
    }

    /// The output that a packet goes to; `None` if it is dropped.
    pub(super) fn run(&self, headers: &Headers<'_>) -> Option<usize> {
        let mut next = self.start;
        // Every node goes on to one that was made before it.
        for _ in &self.nodes {
            let Next::Step(at) = next else { break };
            next = match self.nodes.get(at) {
                Some(Node::Switch(switch)) => {
                    let (word, known) = headers.word(switch.place);
                    if switch.needed & !known != 0 {
                        self.steps.run(headers)
                    } else {
                        let found = switch.cases.find(word & switch.mask);
                        found.unwrap_or(switch.otherwise)
                    }
                }
                Some(Node::Program(steps)) => steps.run(headers),
                None => Next::Drop,
            };
            if let Next::Output(output) = next {
                return Some(output);
            }
        }
        match next {
            Next::Output(output) => Some(output),
            _ => None,
        }
    }
}

struct Builder {
    needed: BTreeMap<Place, u32>,
    nodes: Vec<Node>,
    /// Nodes by the program that they stand for.
    known: BTreeMap<Steps, Next>,
    work: usize,
    room: usize,
}

impl Builder {
    /// The node that stands for a program of which every step can be reached.
    fn build(&mut self, steps: Steps, depth: usize) -> Next {
        let Next::Step(start) = steps.start else {
            return steps.start;
        };
        if let Some(only) = only_end(&steps) {
            return only;
        }
        if let Some(known) = self.known.get(&steps) {
            return *known;
        }
        let Some(first) = steps.steps.get(start).copied() else {
            return Next::Drop;
        };
        let len = steps.steps.len();
        let affordable = self.room >= len && self.work > 0 && depth < MAX_DEPTH;
        self.room = self.room.saturating_sub(len);
        let node = if affordable {
            Node::Switch(self.switch(&steps, first, depth))
        } else {
            Node::Program(steps.clone())
        };
        let next = Next::Step(self.nodes.len());
        self.nodes.push(node);
        self.remember(steps, next)
    }

    fn remember(&mut self, steps: Steps, next: Next) -> Next {
        self.known.insert(steps, next);
        next
    }

    /// The node that looks at the bits of the first step. It may have no cases: then it is there for
    /// packets that end before the bits.
    fn switch(&mut self, steps: &Steps, first: Step, depth: usize) -> Switch {
        let (place, mask) = (first.place, first.mask);
        let alike = steps.steps.iter();
        let alike = alike.filter(|step| step.place == place && step.mask == mask);
        let mut values: Vec<u32> = alike.map(|step| step.value).collect();
        values.sort_unstable();
        values.dedup();
        let entries = entries(steps, first);
        let mut cases = Vec::with_capacity(values.len());
        for value in &values {
            let entry = entries.get(value).copied().unwrap_or(steps.start);
            let rest = self.specialise(steps, entry, place, mask, &Fact::Is(*value));
            let next = self.build(rest, depth.saturating_add(1));
            cases.push((*value, next));
        }
        let fact = Fact::IsNoneOf(&values);
        let rest = self.specialise(steps, steps.start, place, mask, &fact);
        let otherwise = self.build(rest, depth.saturating_add(1));
        cases.retain(|(_, next)| *next != otherwise);
        self.room = self.room.saturating_sub(cases.len());
        Switch {
            place,
            mask,
            needed: self.needed.get(&place).copied().unwrap_or(mask),
            cases: Cases::new(cases),
            otherwise,
        }
    }

    /// What is left of a program that goes on at `entry`, when something is known of a word.
    fn specialise(
        &mut self,
        steps: &Steps,
        entry: Next,
        place: Place,
        mask: u32,
        fact: &Fact<'_>,
    ) -> Steps {
        let mut numbers: BTreeMap<usize, usize> = BTreeMap::new();
        let mut rest = Vec::new();
        let start = self.skip(steps, entry, place, mask, fact);
        // Steps go on to later ones, so that those in front are complete when they are visited.
        let mut pending: BTreeMap<usize, ()> = BTreeMap::new();
        let note = |pending: &mut BTreeMap<usize, ()>, next: Next| {
            if let Next::Step(at) = next {
                pending.insert(at, ());
            }
        };
        note(&mut pending, start);
        while let Some((at, ())) = pending.pop_first() {
            self.work = self.work.saturating_sub(VISIT);
            let Some(step) = steps.steps.get(at) else {
                continue;
            };
            let mut step = *step;
            if step.place == place
                && let Fact::Is(_) = fact
            {
                // These bits have been looked at.
                step.mask &= !mask;
                step.value &= !mask;
            }
            step.yes = self.skip(steps, step.yes, place, mask, fact);
            step.no = self.skip(steps, step.no, place, mask, fact);
            note(&mut pending, step.yes);
            note(&mut pending, step.no);
            numbers.insert(at, rest.len());
            rest.push(step);
        }
        let renumber = |next: Next| match next {
            Next::Step(at) => numbers
                .get(&at)
                .map_or(Next::Drop, |number| Next::Step(*number)),
            other => other,
        };
        for step in &mut rest {
            (step.yes, step.no) = (renumber(step.yes), renumber(step.no));
        }
        Steps {
            start: renumber(start),
            steps: rest,
        }
    }

    /// The first step from `next` on whose outcome is not known yet.
    fn skip(
        &mut self,
        steps: &Steps,
        next: Next,
        place: Place,
        mask: u32,
        fact: &Fact<'_>,
    ) -> Next {
        let mut next = next;
        while let Next::Step(at) = next {
            self.work = self.work.saturating_sub(1);
            let Some(step) = steps.steps.get(at) else {
                return Next::Drop;
            };
            match outcome(step, place, mask, fact) {
                Some(true) => next = step.yes,
                Some(false) => next = step.no,
                None => break,
            }
        }
        next
    }
}

/// Where a program leads, if that does not depend on any test, not even on whether a packet is long
/// enough for it.
fn only_end(steps: &Steps) -> Option<Next> {
    let nexts = steps.steps.iter().flat_map(|step| [step.yes, step.no]);
    let mut ends = nexts.filter(|next| !matches!(next, Next::Step(_)));
    let first = ends.next()?;
    ends.all(|end| end == first).then_some(first)
}

/// Where packets go on for each value that the first step and those that follow when it fails compare
/// the same bits with: a long list of values need not be walked through for each.
fn entries(steps: &Steps, first: Step) -> BTreeMap<u32, Next> {
    let mut entries = BTreeMap::new();
    let mut next = steps.start;
    while let Next::Step(at) = next {
        let step = steps.steps.get(at);
        let same = |step: &&Step| step.place == first.place && step.mask == first.mask;
        let Some(step) = step.filter(same) else { break };
        entries.entry(step.value).or_insert(step.yes);
        next = step.no;
    }
    entries
}

/// The outcome of a step, if what is known of the bits `mask` at `place` decides it.
fn outcome(step: &Step, place: Place, mask: u32, fact: &Fact<'_>) -> Option<bool> {
    if step.place != place {
        return None;
    }
    let common = step.mask & mask;
    match fact {
        Fact::Is(value) if step.value & common != value & common => Some(false),
        Fact::Is(_) if common == step.mask => Some(true),
        Fact::IsNoneOf(values) if common == mask => values
            .binary_search(&(step.value & mask))
            .is_ok()
            .then_some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::steps::Base;
    use super::*;

    #[test]
    fn cases_are_found_in_both_forms() {
        for count in [1, 6, 7, 1000_u32] {
            let cases: Vec<(u32, Next)> = (0..count)
                .map(|value| {
                    (
                        value * 0x10001,
                        Next::Output(usize::try_from(value).unwrap()),
                    )
                })
                .collect();
            let found = Cases::new(cases.clone());
            for (value, next) in cases {
                assert_eq!(found.find(value), Some(next));
                assert_eq!(
                    found.find(value + 1),
                    (value == 0 && count == 0).then_some(next)
                );
            }
        }
    }

    /// Rules about many fields at once would take a graph without bound.
    #[test]
    fn beyond_the_budget_the_program_is_run() {
        let mut steps = Vec::new();
        let places = (0..60).map(|word| Place {
            base: Base::Network,
            offset: word * 4,
        });
        let places: Vec<Place> = places.collect();
        // Rule i: word i has bit 0 and word 59 - i has bit 1.
        for (rule, place) in places.iter().enumerate() {
            let next_rule = match rule {
                59 => Next::Drop,
                rule => Next::Step(2 * (rule + 1)),
            };
            for (step, mask) in [(*place, 1), (places[59 - rule], 2)] {
                steps.push(Step {
                    place: step,
                    mask,
                    value: mask,
                    if_short: false,
                    yes: match mask {
                        1 => Next::Step(2 * rule + 1),
                        _ => Next::Output(rule),
                    },
                    no: next_rule,
                });
            }
        }
        let steps = Steps {
            start: Next::Step(0),
            steps,
        };
        let decision = Decision::new(steps.clone());
        assert!(
            decision
                .nodes
                .iter()
                .any(|node| matches!(node, Node::Program(_)))
        );
        let mut packet = crate::packet::Packet::new(&[0; 240]).unwrap();
        packet.set_network_header(0, 20);
        for rule in [0, 17, 30, 59] {
            let mut packet = packet.clone();
            packet.bytes_mut()[4 * rule + 3] |= 1;
            packet.bytes_mut()[4 * (59 - rule) + 3] |= 2;
            let headers = Headers::of(&packet);
            assert_eq!(decision.run(&headers), Some(rule));
            assert_eq!(steps.run(&headers), Next::Output(rule));
        }
    }
}
