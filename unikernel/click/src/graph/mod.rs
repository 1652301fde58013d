//! The graph of a configuration: which ports there are, whether packets are pushed or pulled
//! through them, and where they lead. Built in whole or refused.

mod build;
mod ports;
mod resolve;

use alloc::vec::Vec;

pub use ports::{Direction, Processing, Side};

use crate::error::ConfigError;
use crate::language::{Config, Endpoint};
use build::Builder;

/// A graph without errors.
#[derive(Clone, Debug)]
pub struct Graph {
    nodes: Vec<Node>,
}

/// The ports of one element.
#[derive(Clone, Debug)]
struct Node {
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

#[derive(Clone, Debug)]
struct Port {
    processing: Processing,
    /// Whether its class leaves open what it is.
    agnostic: bool,
    /// Whether it then agrees with the agnostic ports on the other side of the element.
    tied: bool,
    /// Indices of its connections.
    connections: Vec<usize>,
    /// The port on the other side, if it is a push output or a pull input.
    target: Option<Endpoint>,
}

impl Port {
    const fn new(side: Side, number: usize) -> Self {
        let processing = side.at(number);
        Self {
            processing,
            agnostic: matches!(processing, Processing::Agnostic),
            tied: side.tied,
            connections: Vec::new(),
            target: None,
        }
    }
}

impl Node {
    fn side(&self, direction: Direction) -> &[Port] {
        match direction {
            Direction::Input => &self.inputs,
            Direction::Output => &self.outputs,
        }
    }

    const fn side_mut(&mut self, direction: Direction) -> &mut Vec<Port> {
        match direction {
            Direction::Input => &mut self.inputs,
            Direction::Output => &mut self.outputs,
        }
    }
}

impl Graph {
    /// Counts the ports, checks that each exists and is connected, and resolves what agnostic ports
    /// are: what their neighbours are, or push if those do not say.
    ///
    /// # Errors
    /// The first port or connection that is wrong.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let mut builder = Builder::new(config);
        builder.connect()?;
        builder.check_connected()?;
        builder.resolve()?;
        builder.close_open_ports();
        builder.check_reuse()?;
        builder.set_targets();
        builder.check_pulls()?;
        Ok(Self {
            nodes: builder.nodes,
        })
    }

    /// How many inputs or outputs an element has.
    #[must_use]
    pub fn ports(&self, element: usize, direction: Direction) -> usize {
        self.nodes
            .get(element)
            .map_or(0, |node| node.side(direction).len())
    }

    /// Whether packets are pushed or pulled through a port.
    #[must_use]
    pub fn processing(&self, direction: Direction, at: Endpoint) -> Option<Processing> {
        let port = self.nodes.get(at.element)?.side(direction).get(at.port)?;
        Some(port.processing)
    }

    /// Whether its class leaves open if packets are pushed or pulled through a port.
    #[must_use]
    pub fn is_agnostic(&self, direction: Direction, at: Endpoint) -> bool {
        let port = self
            .nodes
            .get(at.element)
            .and_then(|node| node.side(direction).get(at.port));
        port.is_some_and(|port| port.agnostic)
    }

    /// The input that a push output leads to.
    #[must_use]
    pub fn target(&self, from: Endpoint) -> Option<Endpoint> {
        self.nodes.get(from.element)?.outputs.get(from.port)?.target
    }

    /// The output that a pull input gets its packets from.
    #[must_use]
    pub fn origin(&self, to: Endpoint) -> Option<Endpoint> {
        self.nodes.get(to.element)?.inputs.get(to.port)?.target
    }

    /// Who moves packets through the ports on one side of an element.
    pub(crate) fn side(&self, element: usize, direction: Direction) -> Vec<Processing> {
        let ports = self.nodes.get(element).map(|node| node.side(direction));
        let ports = ports.into_iter().flatten();
        ports.map(|port| port.processing).collect()
    }
}

#[cfg(test)]
mod tests {
    use alloc::boxed::Box;
    use alloc::string::{String, ToString};

    use super::*;
    use crate::element::{Context, Element, ElementClass};
    use crate::host::HostError;
    use crate::language::{Arguments, Source};

    /// An element that does nothing, since this is about ports.
    #[derive(Debug)]
    struct Inert;

    impl Element for Inert {
        fn push(
            &mut self,
            _: usize,
            _: crate::packet::Packet,
            _: &mut Context<'_>,
        ) -> Result<(), HostError> {
            Ok(())
        }
    }

    fn configure(_: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
        Ok(Box::new(Inert))
    }

    const fn class(name: &'static str, inputs: Side, outputs: Side) -> ElementClass {
        ElementClass {
            name,
            manual: "",
            inputs,
            outputs,
            keywords: &[],
            handlers: &[],
            configure,
        }
    }

    const ANY: Processing = Processing::Agnostic;
    const PUSH: Processing = Processing::Push;
    const PULL: Processing = Processing::Pull;

    /// Click's usual shapes; `Idle` is agnostic in every respect.
    static CLASSES: &[ElementClass] = &[
        class("Push", Side::NONE, Side::exactly(1, PUSH)),
        class("Pull", Side::exactly(1, PULL), Side::NONE),
        class("Sink", Side::exactly(1, ANY), Side::NONE),
        class("Source", Side::NONE, Side::exactly(1, ANY)),
        class("Null", Side::exactly(1, ANY), Side::exactly(1, ANY)),
        class("Queue", Side::exactly(1, PUSH), Side::exactly(1, PULL)),
        class("Tee", Side::exactly(1, PUSH), Side::at_least(1, PUSH)),
        class("Check", Side::exactly(1, ANY), Side::between(1, 2, ANY)),
        class(
            "Idle",
            Side::at_least(0, ANY).untied(),
            Side::at_least(0, ANY).untied(),
        ),
        class(
            "Split",
            Side::exactly(1, ANY),
            Side::between(1, 2, ANY).then(PUSH),
        ),
    ];

    fn graph(text: &str) -> Result<Graph, String> {
        let source = Source::new("test", text);
        Config::parse_with(&source, CLASSES)
            .and_then(|config| Graph::new(&config))
            .map_err(|error| error.to_string())
    }

    fn output(graph: &Graph, element: usize) -> Option<Processing> {
        graph.processing(Direction::Output, Endpoint { element, port: 0 })
    }

    #[test]
    fn push_and_pull_spread_through_agnostic_elements() {
        let pushed = graph("Push -> Null -> Null -> Sink").unwrap();
        let pulled = graph("Push -> Queue -> Null -> Null -> Pull").unwrap();
        let open = graph("Source -> Null -> Sink").unwrap();
        for element in 0..3 {
            assert_eq!(output(&pushed, element), Some(PUSH));
            assert_eq!(output(&pulled, element + 1), Some(PULL));
        }
        assert_eq!(output(&open, 0), Some(PUSH), "what is open becomes push");
    }

    #[test]
    fn spreading_does_not_depend_on_the_order_of_declarations() {
        let graph = graph("e :: Null; d :: Null; c :: Pull; d -> e -> c; Push -> Queue -> d");
        assert_eq!(output(&graph.unwrap(), 0), Some(PULL));
    }

    #[test]
    fn optional_ports_are_there_when_connected() {
        let one = graph("Push -> c :: Check -> Sink").unwrap();
        let two = graph("Push -> c :: Check -> Sink; c[1] -> Sink").unwrap();
        assert_eq!(one.ports(1, Direction::Output), 1);
        assert_eq!(two.ports(1, Direction::Output), 2);
        let second = Endpoint {
            element: 1,
            port: 1,
        };
        assert_eq!(two.processing(Direction::Output, second), Some(PUSH));
        assert_eq!(
            two.target(second),
            Some(Endpoint {
                element: 3,
                port: 0
            })
        );
    }

    #[test]
    fn ports_behind_the_first_may_differ() {
        let graph = graph("Push -> Queue -> s :: Split -> Pull; s [1] -> Sink").unwrap();
        let at = |port| Endpoint { element: 2, port };
        assert_eq!(graph.processing(Direction::Output, at(0)), Some(PULL));
        assert_eq!(graph.processing(Direction::Output, at(1)), Some(PUSH));
    }

    #[test]
    fn ports_that_are_not_tied_do_not_agree() {
        let graph = graph("i :: Idle -> Pull; i [1] -> Null -> Sink; Push -> i").unwrap();
        let at = |port| Endpoint { element: 0, port };
        assert_eq!(graph.processing(Direction::Output, at(0)), Some(PULL));
        assert_eq!(graph.processing(Direction::Output, at(1)), Some(PUSH));
        assert_eq!(graph.processing(Direction::Input, at(0)), Some(PUSH));
    }

    #[test]
    fn conflicts_are_refused() {
        for (text, message) in [
            (
                "a :: Push -> b :: Pull",
                "push output 0 of `a :: Push` is connected to pull input 0 of `b :: Pull`",
            ),
            (
                "Push -> n :: Null -> Pull",
                "`n :: Null` is agnostic, but its input 0 is push and its output 0 is pull",
            ),
            (
                "Push -> q :: Queue -> t :: Tee -> Sink",
                "pull output 0 of `q :: Queue` is connected to push input 0 of `t :: Tee`",
            ),
            (
                "Push -> c :: Check -> Queue -> Pull; c [1] -> p :: Pull",
                "`c :: Check` is agnostic, but its input 0 is push and its output 1 is pull",
            ),
        ] {
            assert_eq!(graph(text).unwrap_err(), message, "{text}");
        }
    }

    #[test]
    fn wrong_connections_are_refused() {
        for (text, message) in [
            (
                "Push -> n :: Null",
                "output 0 of `n :: Null` is not connected",
            ),
            (
                "n :: Null -> Sink",
                "input 0 of `n :: Null` is not connected",
            ),
            (
                "Push -> n :: Null [1] -> Sink",
                "`n :: Null` has no output 1",
            ),
            ("Push -> [1] s :: Sink", "`s :: Sink` has no input 1"),
            (
                "Push -> t :: Tee [1] -> Sink",
                "output 0 of `t :: Tee` is not connected",
            ),
            (
                "p :: Push -> Sink; p -> Sink",
                "push output 0 of `p :: Push` is connected twice",
            ),
            (
                "Push -> q :: Queue -> p :: Pull; Push -> Queue -> p",
                "pull input 0 of `p :: Pull` is connected twice",
            ),
        ] {
            assert_eq!(graph(text).unwrap_err(), message, "{text}");
        }
    }

    #[test]
    fn many_may_push_into_one_input_and_pull_from_one_output() {
        graph("a, b :: Push; a, b -> Sink").unwrap();
        graph("Push -> q :: Queue; q -> Pull; q -> Pull").unwrap();
        graph("p :: Push -> s :: Sink; p -> s").unwrap();
    }

    #[test]
    fn port_counts_have_the_codes_of_click() {
        let codes = [
            (Side::NONE, "0"),
            (Side::exactly(1, ANY), "1"),
            (Side::between(0, 1, ANY), "0-1"),
            (Side::at_least(1, ANY), "1-"),
            (Side::at_least(0, ANY), "-"),
        ];
        for (side, code) in codes {
            assert_eq!(side.to_string(), code);
        }
    }
}
