//! The tests that patterns consist of, and programs of them that are run one after the other.

use crate::packet::Packet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A word of four bytes in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) base: Base,
    /// Bytes behind the start of the header: a multiple of four. Behind the link-layer header this
    /// counts from two bytes in front of it, so that the words of both addresses are whole.
    pub(super) offset: u16,
}

/// The header that a word belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Base {
    Link,
    Network,
    Transport,
}

/// Bytes in front of the link-layer header that its first word begins with.
const LINK_SHIFT: usize = 2;

impl Place {
    /// Its number as Click prints it: 256 for each header.
    fn number(self) -> usize {
        let base = match self.base {
            Base::Link => 0,
            Base::Network => 256,
            Base::Transport => 512,
        };
        usize::from(self.offset).saturating_add(base)
    }
}

/// Where it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Next {
    /// With a step, or a node, which comes later.
    Step(usize),
    /// The packet goes to an output.
    Output(usize),
    /// The packet is dropped.
    Drop,
}

/// One test: whether some bits of a word have a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Step {
    pub(super) place: Place,
    pub(super) mask: u32,
    /// Has no bits beside those of the mask.
    pub(super) value: u32,
    /// What it says of packets that end before the bits.
    pub(super) if_short: bool,
    pub(super) yes: Next,
    pub(super) no: Next,
}

/// A program: every step goes on to later ones.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Steps {
    pub(super) start: Next,
    pub(super) steps: Vec<Step>,
}

/// The headers of a packet that tests look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Headers<'a> {
    link: &'a [u8],
    network: &'a [u8],
    transport: &'a [u8],
}

impl<'a> Headers<'a> {
    pub(super) fn of(packet: &'a Packet) -> Self {
        let from = |at: Option<usize>| at.and_then(|at| packet.bytes().get(at..));
        Self {
            link: packet.mac_header().unwrap_or_default(),
            network: from(packet.network_header()).unwrap_or_default(),
            transport: from(packet.transport_header()).unwrap_or_default(),
        }
    }

    /// A word, and which of its bits the packet has.
    #[inline]
    pub(super) fn word(&self, place: Place) -> (u32, u32) {
        let offset = usize::from(place.offset);
        let (header, at) = match place.base {
            Base::Network => (self.network, Some(offset)),
            Base::Transport => (self.transport, Some(offset)),
            Base::Link => (self.link, offset.checked_sub(LINK_SHIFT)),
        };
        let Some(at) = at else {
            return first_link_word(self.link);
        };
        let rest = header.get(at..).unwrap_or_default();
        match rest.first_chunk() {
            Some(word) => (u32::from_be_bytes(*word), u32::MAX),
            None => cut_word(rest),
        }
    }
}

/// A word of which only the first bytes are there.
#[cold]
fn cut_word(rest: &[u8]) -> (u32, u32) {
    let (mut word, mut known) = ([0; 4], [0; 4]);
    for ((to, mark), byte) in word.iter_mut().zip(&mut known).zip(rest) {
        (*to, *mark) = (*byte, u8::MAX);
    }
    (u32::from_be_bytes(word), u32::from_be_bytes(known))
}

/// The word that begins in front of the link-layer header.
fn first_link_word(link: &[u8]) -> (u32, u32) {
    match link.first_chunk() {
        Some([high, low]) => (u32::from_be_bytes([0, 0, *high, *low]), 0xffff),
        None => (0, 0),
    }
}

impl Step {
    /// Where a packet goes on.
    fn next(&self, headers: &Headers<'_>) -> Next {
        let (word, known) = headers.word(self.place);
        let holds = if self.mask & !known == 0 {
            word & self.mask == self.value
        } else {
            self.if_short
        };
        if holds { self.yes } else { self.no }
    }

    /// Whether another test holds wherever this one does.
    fn implies(&self, other: &Self) -> bool {
        let same = self.place == other.place && self.mask & other.mask == other.mask;
        same && self.value & other.mask == other.value && !self.if_short
    }
}

impl Steps {
    /// What becomes of a packet; this takes as many steps as there are at most.
    pub(super) fn run(&self, headers: &Headers<'_>) -> Next {
        let mut next = self.start;
        for _ in &self.steps {
            let Next::Step(at) = next else { break };
            next = match self.steps.get(at) {
                Some(step) => step.next(headers),
                None => Next::Drop,
            };
        }
        next
    }

    /// Leads past tests that the one before implies, and removes what nothing leads to any more.
    pub(super) fn tidy(&mut self) {
        let steps = self.steps.clone();
        for step in &mut self.steps {
            while let Next::Step(next) = step.yes
                && let Some(implied) = steps.get(next).filter(|next| step.implies(next))
            {
                step.yes = implied.yes;
            }
        }
        self.remove_unreachable();
    }

    /// Removes steps that nothing leads to. Those that are left keep their order.
    pub(super) fn remove_unreachable(&mut self) {
        let mut reached = alloc::vec![false; self.steps.len()];
        let mark = |reached: &mut Vec<bool>, next: Next| {
            if let Next::Step(at) = next
                && let Some(place) = reached.get_mut(at)
            {
                *place = true;
            }
        };
        mark(&mut reached, self.start);
        for (at, step) in self.steps.iter().enumerate() {
            if reached.get(at) == Some(&true) {
                mark(&mut reached, step.yes);
                mark(&mut reached, step.no);
            }
        }
        let numbers: Vec<usize> = reached
            .iter()
            .scan(0_usize, |count, reached| {
                let number = *count;
                *count = number.saturating_add(usize::from(*reached));
                Some(number)
            })
            .collect();
        let renumber = |next: Next| match next {
            Next::Step(at) => numbers
                .get(at)
                .map_or(Next::Drop, |number| Next::Step(*number)),
            other => other,
        };
        let mut keep = reached.iter();
        self.steps.retain(|_| keep.next() == Some(&true));
        for step in &mut self.steps {
            (step.yes, step.no) = (renumber(step.yes), renumber(step.no));
        }
        self.start = renumber(self.start);
    }

    /// As Click's handler `program` prints it.
    pub(super) fn list(&self) -> String {
        let mut text = String::new();
        for (number, step) in self.steps.iter().enumerate() {
            text.push_str(&format!(
                "{number:2} {:3}/{:08x}%{:08x}  yes->{}  no->{}{}\n",
                step.place.number(),
                step.value,
                step.mask,
                target(step.yes),
                target(step.no),
                if step.if_short { "  short->yes" } else { "" }
            ));
        }
        if self.steps.is_empty() {
            text.push_str(&format!("all->{}\n", target(self.start)));
        }
        let safe = self.steps.iter().map(|step| {
            // Where the last byte that is tested ends.
            let unused = usize::try_from(step.mask.trailing_zeros() / 8).unwrap_or_default();
            step.place.number().saturating_add(4).saturating_sub(unused)
        });
        let safe = safe.max().unwrap_or_default();
        format!("{text}safe length {safe}\nalignment offset 0\n")
    }
}

fn target(next: Next) -> String {
    match next {
        Next::Step(step) => format!("step {step}"),
        Next::Output(output) => format!("[{output}]"),
        Next::Drop => "[X]".into(),
    }
}
