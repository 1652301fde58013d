//! Leading connections through compound elements and groups, which are none themselves.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::compound::Edge;
use super::config::{Connection, Declaration, Endpoint};
use super::expand::{Flat, FlatKind, FlatNode};
use crate::error::{ConfigError, Problem};
use crate::graph::Direction;
use crate::limits;

/// Elements and the connections between them.
pub(super) fn connect_through(
    flat: Flat,
) -> Result<(Vec<Declaration>, Vec<Connection>), ConfigError> {
    let ends = Ends::new(&flat.edges);
    ends.check(&flat)?;
    let connections = connections(&flat, &ends)?;
    let elements = flat.nodes.into_iter().filter_map(declaration).collect();
    Ok((elements, connections))
}

fn declaration(node: FlatNode) -> Option<Declaration> {
    match node.kind {
        FlatKind::Element(class, arguments) => Some(Declaration {
            name: node.name,
            class,
            arguments,
            span: node.span,
        }),
        FlatKind::Tunnel { .. } => None,
    }
}

/// Connections by where they leave and arrive.
struct Ends<'a> {
    leaving: BTreeMap<Endpoint, Vec<&'a Edge>>,
    arriving: BTreeMap<Endpoint, &'a Edge>,
}

impl<'a> Ends<'a> {
    fn new(edges: &'a [Edge]) -> Self {
        let mut ends = Self {
            leaving: BTreeMap::new(),
            arriving: BTreeMap::new(),
        };
        for edge in edges {
            ends.leaving.entry(edge.from).or_default().push(edge);
            ends.arriving.entry(edge.to).or_insert(edge);
        }
        ends
    }

    fn leaving(&self, from: Endpoint) -> &[&'a Edge] {
        self.leaving.get(&from).map_or(&[], Vec::as_slice)
    }

    /// Checks that each port of a compound element is used on both sides of its wall.
    fn check(&self, flat: &Flat) -> Result<(), ConfigError> {
        for (index, node) in flat.nodes.iter().enumerate() {
            let FlatKind::Tunnel {
                ends: Some([input, output]),
                ..
            } = node.kind
            else {
                continue;
            };
            let outside = ports(&self.arriving, index);
            let inside = ports(&self.leaving, input);
            self.compare(node, Direction::Input, index, &outside, &inside)?;
            let outside = ports(&self.leaving, index);
            let inside = ports(&self.arriving, output);
            self.compare(node, Direction::Output, index, &outside, &inside)?;
        }
        Ok(())
    }

    fn compare(
        &self,
        node: &FlatNode,
        direction: Direction,
        element: usize,
        outside: &BTreeSet<usize>,
        inside: &BTreeSet<usize>,
    ) -> Result<(), ConfigError> {
        let name = || node.name.clone();
        if let Some(port) = outside.difference(inside).next().copied() {
            let at = Endpoint { element, port };
            let span = match direction {
                Direction::Input => self.arriving.get(&at).map(|edge| edge.to_span),
                Direction::Output => self.leaving(at).first().map(|edge| edge.from_span),
            };
            let problem = Problem::NoSuchPort {
                element: name(),
                direction,
                port,
            };
            return Err(problem.at(span.unwrap_or(node.span)));
        }
        match inside.difference(outside).next().copied() {
            Some(port) => {
                let problem = Problem::Unconnected {
                    element: name(),
                    direction,
                    port,
                };
                Err(problem.at(node.span))
            }
            None => Ok(()),
        }
    }
}

/// The ports of a node in a map by endpoints.
fn ports<T>(map: &BTreeMap<Endpoint, T>, element: usize) -> BTreeSet<usize> {
    let first = Endpoint { element, port: 0 };
    let last = Endpoint {
        element,
        port: usize::MAX,
    };
    map.range(first..=last).map(|(at, _)| at.port).collect()
}

fn connections(flat: &Flat, ends: &Ends<'_>) -> Result<Vec<Connection>, ConfigError> {
    let numbers = element_numbers(flat)?;
    let number = |at: Endpoint| {
        let element = numbers.get(at.element).copied().flatten()?;
        Some(Endpoint {
            element,
            port: at.port,
        })
    };
    let mut steps = limits::MAX_TUNNEL_STEPS;
    let mut known = BTreeSet::new();
    let mut connections = Vec::new();
    for edge in &flat.edges {
        let Some(from) = number(edge.from) else {
            continue;
        };
        for last in lead(edge, flat, ends, &mut steps)? {
            let Some(to) = number(last.to) else { continue };
            // A connection may be repeated and is still one.
            if known.insert((from, to)) {
                connections.push(Connection {
                    from,
                    to,
                    from_span: edge.from_span,
                    to_span: last.to_span,
                });
            }
        }
    }
    Ok(connections)
}

/// The number of each node among the elements, if it is one.
fn element_numbers(flat: &Flat) -> Result<Vec<Option<usize>>, ConfigError> {
    let mut next = 0_usize;
    let mut numbers = Vec::new();
    for node in &flat.nodes {
        let FlatKind::Element(..) = node.kind else {
            numbers.push(None);
            continue;
        };
        if next >= limits::MAX_ELEMENTS {
            return Err(Problem::TooManyElements.at(node.span));
        }
        numbers.push(Some(next));
        next = next.saturating_add(1);
    }
    Ok(numbers)
}

/// The connections to elements that `first` leads to, in the order in which they are written.
fn lead<'a>(
    first: &'a Edge,
    flat: &Flat,
    ends: &Ends<'a>,
    steps: &mut usize,
) -> Result<Vec<&'a Edge>, ConfigError> {
    let mut waiting = alloc::vec![first];
    let mut seen = BTreeSet::new();
    let mut arrived = Vec::new();
    while let Some(edge) = waiting.pop() {
        let too_many = || Problem::TooManyConnections.at(first.from_span);
        *steps = steps.checked_sub(1).ok_or_else(too_many)?;
        match flat.nodes.get(edge.to.element).map(|node| &node.kind) {
            Some(FlatKind::Element(..)) => arrived.push(edge),
            Some(FlatKind::Tunnel {
                next: Some(next), ..
            }) if seen.insert(edge.to) => {
                let behind = Endpoint {
                    element: *next,
                    port: edge.to.port,
                };
                waiting.extend(ends.leaving(behind).iter().rev());
            }
            _ => {}
        }
    }
    Ok(arrived)
}
