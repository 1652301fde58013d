//! Which ports an arrow connects (`yconnection_connect_all` in `lib/lexer.cc` of Click's sources).

use alloc::vec::Vec;

use super::compound::Edge;
use super::config::Endpoint;
use super::source::Span;
use super::syntax::{Arrow, Ports};
use crate::error::{ConfigError, Problem};
use crate::graph::Direction;

/// An element where a chain mentions it.
#[derive(Clone, Debug)]
pub(super) struct Mention {
    pub(super) node: usize,
    pub(super) input: Ports,
    pub(super) output: Ports,
    pub(super) span: Span,
}

impl Mention {
    pub(super) const fn ports(&self, side: Direction) -> &Ports {
        match side {
            Direction::Input => &self.input,
            Direction::Output => &self.output,
        }
    }
}

/// A port of a mention.
type Port<'a> = (Endpoint, &'a Mention);

/// One side of an arrow.
struct Side<'a> {
    mentions: &'a [Mention],
    direction: Direction,
    /// How many ports are written, or meant where none is.
    least: usize,
    /// Whether more ports may follow.
    open: bool,
}

impl<'a> Side<'a> {
    fn new(mentions: &'a [Mention], direction: Direction) -> Result<Self, ConfigError> {
        let ports = || mentions.iter().map(|mention| mention.ports(direction));
        let mut open = ports().filter(|ports| ports.open);
        let (first, second) = (open.next(), open.next());
        if let Some(second) = second {
            return Err(Problem::TwoOpen.at(second.span));
        }
        Ok(Self {
            mentions,
            direction,
            least: ports().map(|ports| ports.numbers.len().max(1)).sum(),
            open: first.is_some(),
        })
    }

    /// `=>` takes a lone element without ports for one with as many as the other side has.
    fn open_for(&mut self, other: usize) {
        if let ([only], true) = (self.mentions, other > 1) {
            self.open |= !only.ports(self.direction).is_given();
        }
    }

    const fn is_many(&self) -> bool {
        self.least > 1 || self.open
    }

    /// The ports, `extra` more than are written.
    fn ports(&self, extra: usize) -> Vec<Port<'a>> {
        let mut all = Vec::new();
        for mention in self.mentions {
            let ports = mention.ports(self.direction);
            let written: &[usize] = if ports.is_given() {
                &ports.numbers
            } else {
                &[0]
            };
            let lone = self.mentions.len() == 1 && !ports.is_given() && self.open;
            let more = if ports.open || lone { extra } else { 0 };
            let next = written.last().map_or(0, |last| last.saturating_add(1));
            let port = |port| {
                let element = mention.node;
                (Endpoint { element, port }, mention)
            };
            all.extend(written.iter().copied().map(port));
            all.extend((next..).take(more).map(port));
        }
        all
    }
}

/// The connections that an arrow makes between two lists.
pub(super) fn connect(
    from: &[Mention],
    arrow: Arrow,
    to: &[Mention],
) -> Result<Vec<Edge>, ConfigError> {
    let mut outputs = Side::new(from, Direction::Output)?;
    let mut inputs = Side::new(to, Direction::Input)?;
    let span = to
        .first()
        .map_or_else(Span::default, |mention| mention.span);
    if outputs.open && inputs.open {
        return Err(Problem::TwoOpen.at(span));
    }
    if arrow == Arrow::Thick {
        outputs.open_for(inputs.least);
        inputs.open_for(outputs.least);
    }
    let many = outputs.is_many() && inputs.is_many();
    if many && arrow == Arrow::Thin {
        return Err(Problem::ManyToMany.at(span));
    }
    let missing = |side: &Side<'_>, other: &Side<'_>| {
        if side.open {
            other.least.saturating_sub(side.least)
        } else {
            0
        }
    };
    let from = outputs.ports(missing(&outputs, &inputs));
    let to = inputs.ports(missing(&inputs, &outputs));
    if many && from.len() != to.len() {
        let problem = Problem::Mismatch {
            outputs: from.len(),
            inputs: to.len(),
        };
        return Err(problem.at(span));
    }
    let edge = |(from, to): (&Port<'_>, &Port<'_>)| Edge {
        from: from.0,
        to: to.0,
        from_span: from.1.span,
        to_span: to.1.span,
    };
    Ok(match (from.as_slice(), to.as_slice()) {
        ([from], to) => to.iter().map(|to| edge((from, to))).collect(),
        (from, [to]) => from.iter().map(|from| edge((from, to))).collect(),
        (from, to) => from.iter().zip(to).map(edge).collect(),
    })
}
