//! What stays the same while a router runs, as tables that packets are led by.

use alloc::vec::Vec;

use crate::context::Elements;
use crate::graph::{Direction, Graph};
use crate::language::{Config, Endpoint};

/// What stays the same while a router runs.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) config: Config,
    pub(crate) graph: Graph,
    /// Whether elements get several packets at a time that come together.
    pub(crate) batches: bool,
    stations: Vec<Station>,
    /// For all elements one behind the other: where each output leads, and where each input pulls from.
    ways: Vec<Option<Endpoint>>,
}

/// An element as packets see it.
#[derive(Clone, Copy, Debug)]
struct Station {
    takes_batches: bool,
    outputs_are_apart: bool,
    /// Where its outputs are in the table of ways, then its inputs, and where the next element's are.
    outputs: usize,
    inputs: usize,
    end: usize,
}

impl Plan {
    pub(crate) fn new(config: Config, graph: Graph, elements: &Elements) -> Self {
        let present = || elements.iter().flatten();
        let batches = !present().any(|element| element.uses_handlers());
        let takes_batches = |index: usize| {
            let element = elements.get(index).and_then(Option::as_ref);
            batches && element.is_some_and(|element| element.takes_batches())
        };
        let mut stations = Vec::with_capacity(elements.len());
        let mut ways = Vec::new();
        for element in 0..elements.len() {
            let outputs = ways.len();
            let ports = 0..graph.ports(element, Direction::Output);
            ways.extend(ports.map(|port| graph.target(Endpoint { element, port })));
            let inputs = ways.len();
            let ports = 0..graph.ports(element, Direction::Input);
            ways.extend(ports.map(|port| graph.origin(Endpoint { element, port })));
            stations.push(Station {
                takes_batches: takes_batches(element),
                outputs_are_apart: false,
                outputs,
                inputs,
                end: ways.len(),
            });
        }
        let mut plan = Self {
            config,
            graph,
            batches,
            stations,
            ways,
        };
        let apart: Vec<bool> = (0..elements.len())
            .map(|element| plan.are_apart(element, elements))
            .collect();
        for (station, apart) in plan.stations.iter_mut().zip(apart) {
            station.outputs_are_apart = apart;
        }
        plan
    }

    /// The input that a push output leads to.
    pub(crate) fn target(&self, element: usize, port: usize) -> Option<Endpoint> {
        let station = self.stations.get(element)?;
        let outputs = self.ways.get(station.outputs..station.inputs)?;
        outputs.get(port).copied().flatten()
    }

    /// The output that a pull input gets its packets from.
    pub(crate) fn origin(&self, element: usize, port: usize) -> Option<Endpoint> {
        let station = self.stations.get(element)?;
        let inputs = self.ways.get(station.inputs..station.end)?;
        inputs.get(port).copied().flatten()
    }

    /// Whether an element gets several packets at a time.
    pub(crate) fn takes_batches(&self, element: usize) -> bool {
        let station = self.stations.get(element);
        station.is_some_and(|station| station.takes_batches)
    }

    /// Whether nobody can tell if packets that leave through different outputs change places.
    pub(crate) fn outputs_are_apart(&self, element: usize) -> bool {
        let station = self.stations.get(element);
        station.is_some_and(|station| station.outputs_are_apart)
    }

    /// Whether what is behind each output of an element is behind no other, and keeps to itself.
    fn are_apart(&self, element: usize, elements: &Elements) -> bool {
        let outputs = self.graph.ports(element, Direction::Output);
        if !self.takes_batches(element) || !(2..=MAX_APART).contains(&outputs) {
            return false;
        }
        let mut reached = Vec::from([element]);
        for port in 0..outputs {
            let mut behind = Vec::new();
            let mut next: Vec<usize> = self.leads_to(element, port).collect();
            while let Some(at) = next.pop() {
                let keeps_to_itself = |element: &dyn crate::element::Element| {
                    element.takes_batches() && element.keeps_to_itself()
                };
                let found = elements.get(at).and_then(Option::as_deref);
                if reached.contains(&at) || !found.is_some_and(keeps_to_itself) {
                    return false;
                }
                if behind.contains(&at) {
                    continue;
                }
                behind.push(at);
                let ports = 0..self.graph.ports(at, Direction::Output);
                next.extend(ports.flat_map(|port| self.leads_to(at, port)));
            }
            reached.extend(behind);
        }
        true
    }

    fn leads_to(&self, element: usize, port: usize) -> impl Iterator<Item = usize> {
        self.target(element, port).map(|to| to.element).into_iter()
    }
}

/// Outputs that packets are sorted by; with more, it takes longer to find the right one than to hand
/// over a packet by itself.
const MAX_APART: usize = 8;
