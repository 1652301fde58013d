//! What stays the same while a router runs, as tables that packets are led by.

use alloc::vec::Vec;

use crate::context::Elements;
use crate::element::Element;
use crate::graph::{Direction, Graph};
use crate::language::{Config, Endpoint};

/// What stays the same while a router runs.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) config: Config,
    pub(crate) graph: Graph,
    /// Whether elements get several packets at a time that come together.
    pub(crate) batches: bool,
    /// The elements that act by themselves.
    acting: Vec<usize>,
    stations: Vec<Station>,
    /// For all elements one behind the other: where each output leads, and where each input pulls from.
    ways: Vec<Option<Endpoint>>,
}

/// An element as packets see it.
#[derive(Clone, Copy, Debug)]
struct Station {
    takes_batches: bool,
    is_in_place: bool,
    outputs_apart: Option<usize>,
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
        let is_in_place = |index: usize| {
            let element = elements.get(index).and_then(Option::as_ref);
            element.is_some_and(|element| element.is_in_place())
        };
        let bursts = elements.iter().enumerate();
        let acting = bursts.filter(|(_, element)| {
            let burst = element.as_ref().map(|element| element.burst());
            burst.is_some_and(|burst| burst > 0)
        });
        let acting = acting.map(|(index, _)| index).collect();
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
                is_in_place: is_in_place(element),
                outputs_apart: None,
                outputs,
                inputs,
                end: ways.len(),
            });
        }
        let mut plan = Self {
            config,
            graph,
            batches,
            acting,
            stations,
            ways,
        };
        let apart: Vec<Option<usize>> = (0..elements.len())
            .map(|element| plan.apart(element, elements))
            .collect();
        for (station, apart) in plan.stations.iter_mut().zip(apart) {
            station.outputs_apart = apart;
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

    /// The elements that act by themselves, in the order of the configuration.
    pub(crate) fn acting(&self) -> &[usize] {
        &self.acting
    }

    /// Whether an element gets several packets at a time.
    pub(crate) fn takes_batches(&self, element: usize) -> bool {
        let station = self.stations.get(element);
        station.is_some_and(|station| station.takes_batches)
    }

    /// Whether an element is a step of its own: [`Element::handle_one`] is all that there is to it.
    pub(crate) fn is_in_place(&self, element: usize) -> bool {
        let station = self.stations.get(element);
        station.is_some_and(|station| station.is_in_place)
    }

    /// How many outputs an element has, if nobody can tell when packets that leave through different
    /// ones change places.
    pub(crate) fn outputs_apart(&self, element: usize) -> Option<usize> {
        self.stations.get(element)?.outputs_apart
    }

    /// The number of outputs of an element if what is behind each is behind no other, and keeps to
    /// itself.
    fn apart(&self, element: usize, elements: &Elements) -> Option<usize> {
        let outputs = self.graph.ports(element, Direction::Output);
        if !self.takes_batches(element) || !(2..=MAX_APART).contains(&outputs) {
            return None;
        }
        let mut reached = Vec::from([element]);
        for port in 0..outputs {
            let mut behind = Vec::new();
            let mut next: Vec<usize> = self.leads_to(element, port).collect();
            while let Some(at) = next.pop() {
                let keeps_to_itself =
                    |element: &dyn Element| element.takes_batches() && element.keeps_to_itself();
                let found = elements.get(at).and_then(Option::as_deref);
                if reached.contains(&at) || !found.is_some_and(keeps_to_itself) {
                    return None;
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
        Some(outputs)
    }

    fn leads_to(&self, element: usize, port: usize) -> impl Iterator<Item = usize> {
        self.target(element, port).map(|to| to.element).into_iter()
    }
}

/// Outputs that packets are sorted by; with more, it takes longer to find the right one than to hand
/// over a packet by itself.
pub(crate) const MAX_APART: usize = 8;
