//! The graph of a configuration: which ports there are, whether packets are pushed or pulled
//! through them, and where they lead. Built in whole or refused.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

use crate::error::{ConfigError, Problem};
use crate::language::{Config, Connection, Declaration, Endpoint, Span};

/// A side of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Where packets come in.
    Input,
    /// Where packets go out.
    Output,
}

impl Direction {
    const fn opposite(self) -> Self {
        match self {
            Self::Input => Self::Output,
            Self::Output => Self::Input,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "input",
            Self::Output => "output",
        })
    }
}

/// Who moves a packet through a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processing {
    /// The upstream element.
    Push,
    /// The downstream element.
    Pull,
    /// Whoever the port is connected to; all agnostic ports of an element agree.
    Agnostic,
}

impl fmt::Display for Processing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Push => "push",
            Self::Pull => "pull",
            Self::Agnostic => "agnostic",
        })
    }
}

/// How many ports the elements of a class have on one side, and of what kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    /// The fewest.
    pub least: usize,
    /// The most; `None` if there is no bound but [`crate::limits::MAX_PORTS`].
    pub most: Option<usize>,
    /// What they are.
    pub processing: Processing,
}

impl Side {
    /// No ports.
    pub const NONE: Self = Self::exactly(0, Processing::Agnostic);

    /// This many ports.
    #[must_use]
    pub const fn exactly(count: usize, processing: Processing) -> Self {
        Self {
            least: count,
            most: Some(count),
            processing,
        }
    }

    /// From `least` ports on.
    #[must_use]
    pub const fn at_least(least: usize, processing: Processing) -> Self {
        Self {
            least,
            most: None,
            processing,
        }
    }

    /// From `least` to `most` ports.
    #[must_use]
    pub const fn between(least: usize, most: usize, processing: Processing) -> Self {
        Self {
            least,
            most: Some(most),
            processing,
        }
    }

    /// The ports that are there without a connection.
    fn initial(self) -> Vec<Port> {
        let port = Port::new(self.processing);
        core::iter::repeat_n(port, self.least).collect()
    }

    /// Whether there can be a port with this number.
    const fn allows(self, port: usize) -> bool {
        match self.most {
            Some(most) => port < most,
            None => true,
        }
    }
}

/// Click's port count code of one side: `1`, `0-1`, `1-`, or `-` for any number.
impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (0, None) => f.write_str("-"),
            (least, None) => write!(f, "{least}-"),
            (least, Some(most)) if least == most => write!(f, "{least}"),
            (least, Some(most)) => write!(f, "{least}-{most}"),
        }
    }
}

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
    /// Indices of its connections.
    connections: Vec<usize>,
    /// Where it leads, if it is a push output.
    target: Option<Endpoint>,
}

impl Port {
    fn new(processing: Processing) -> Self {
        Self {
            processing,
            agnostic: processing == Processing::Agnostic,
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
        let nodes = config.elements().iter().map(|declaration| Node {
            inputs: declaration.class.inputs.initial(),
            outputs: declaration.class.outputs.initial(),
        });
        let mut builder = Builder {
            config,
            nodes: nodes.collect(),
        };
        builder.connect()?;
        builder.check_connected()?;
        builder.resolve()?;
        builder.settle()?;
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

    /// The input that a push output leads to.
    #[must_use]
    pub fn target(&self, from: Endpoint) -> Option<Endpoint> {
        self.nodes.get(from.element)?.outputs.get(from.port)?.target
    }
}

/// A graph that is being checked.
struct Builder<'a> {
    config: &'a Config,
    nodes: Vec<Node>,
}

impl Builder<'_> {
    /// Gives every element the ports that its connections ask for.
    fn connect(&mut self) -> Result<(), ConfigError> {
        for (index, connection) in self.config.connections().iter().enumerate() {
            for (direction, at, span) in ends(connection) {
                let declaration = self.declaration(at.element);
                let side = declaration.map(|declaration| match direction {
                    Direction::Input => declaration.class.inputs,
                    Direction::Output => declaration.class.outputs,
                });
                let Some(side) = side.filter(|side| side.allows(at.port)) else {
                    return Err(Problem::NoSuchPort {
                        element: self.label(at.element),
                        direction,
                        port: at.port,
                    }
                    .at(span));
                };
                let Some(node) = self.nodes.get_mut(at.element) else {
                    continue;
                };
                let ports = node.side_mut(direction);
                let count = ports.len().max(at.port.saturating_add(1));
                ports.resize_with(count, || Port::new(side.processing));
                if let Some(port) = ports.get_mut(at.port) {
                    port.connections.push(index);
                }
            }
        }
        Ok(())
    }

    fn check_connected(&self) -> Result<(), ConfigError> {
        for (element, (node, declaration)) in
            self.nodes.iter().zip(self.config.elements()).enumerate()
        {
            for direction in [Direction::Input, Direction::Output] {
                let mut ports = node.side(direction).iter();
                if let Some(port) = ports.position(|port| port.connections.is_empty()) {
                    return Err(Problem::Unconnected {
                        element: self.label(element),
                        direction,
                        port,
                    }
                    .at(declaration.span));
                }
            }
        }
        Ok(())
    }

    /// Spreads push and pull from the ports that are one of them: over connections, and through
    /// elements between their agnostic inputs and outputs. Each port is visited once.
    fn resolve(&mut self) -> Result<(), ConfigError> {
        let mut resolved = self.known_ports();
        while let Some((direction, at)) = resolved.pop_front() {
            for (other_direction, other, connection) in self.neighbours(direction, at) {
                let processing = self.get(direction, at).map(|port| port.processing);
                let (Some(processing), Some(port)) =
                    (processing, self.get_mut(other_direction, other))
                else {
                    continue;
                };
                if port.processing == Processing::Agnostic {
                    port.processing = processing;
                    resolved.push_back((other_direction, other));
                } else if port.processing != processing {
                    return Err(self.conflict(direction, at, other, connection));
                }
            }
        }
        Ok(())
    }

    /// What is still open becomes push, as in Click. Then a push output and a pull input must have
    /// one connection; where that of an output leads is noted.
    fn settle(&mut self) -> Result<(), ConfigError> {
        let config = self.config;
        for (node, declaration) in self.nodes.iter_mut().zip(config.elements()) {
            for (direction, active) in [
                (Direction::Input, Processing::Pull),
                (Direction::Output, Processing::Push),
            ] {
                for (number, port) in node.side_mut(direction).iter_mut().enumerate() {
                    if port.processing == Processing::Agnostic {
                        port.processing = Processing::Push;
                    }
                    if port.processing != active {
                        continue;
                    }
                    let mut connections = port.connections.iter();
                    let mut next = || {
                        connections
                            .next()
                            .and_then(|i| config.connections().get(*i))
                    };
                    let first = next();
                    if let Some(second) = next() {
                        return Err(Problem::Reused {
                            element: declaration.label(),
                            processing: active,
                            direction,
                            port: number,
                        }
                        .at(if direction == Direction::Input {
                            second.from_span
                        } else {
                            second.to_span
                        }));
                    }
                    if direction == Direction::Output {
                        port.target = first.map(|connection| connection.to);
                    }
                }
            }
        }
        Ok(())
    }

    /// The ports that are push or pull by their class.
    fn known_ports(&self) -> VecDeque<(Direction, Endpoint)> {
        let mut known = VecDeque::new();
        for (element, node) in self.nodes.iter().enumerate() {
            for direction in [Direction::Input, Direction::Output] {
                for (number, port) in node.side(direction).iter().enumerate() {
                    if port.processing != Processing::Agnostic {
                        let port = number;
                        known.push_back((direction, Endpoint { element, port }));
                    }
                }
            }
        }
        known
    }

    /// The ports that must be what this port is: at the other ends of its connections, and, if it
    /// is agnostic, the agnostic ones at the other side of its element.
    fn neighbours(
        &self,
        direction: Direction,
        at: Endpoint,
    ) -> Vec<(Direction, Endpoint, Option<usize>)> {
        let opposite = direction.opposite();
        let Some(port) = self.get(direction, at) else {
            return Vec::new();
        };
        let connections = port.connections.iter().filter_map(|index| {
            let connection = self.config.connections().get(*index)?;
            let other = match direction {
                Direction::Input => connection.from,
                Direction::Output => connection.to,
            };
            Some((opposite, other, Some(*index)))
        });
        let across = self
            .nodes
            .get(at.element)
            .map_or(&[][..], |node| node.side(opposite));
        let through = across.iter().enumerate().filter_map(|(number, across)| {
            let other = Endpoint {
                element: at.element,
                port: number,
            };
            (port.agnostic && across.agnostic).then_some((opposite, other, None))
        });
        connections.chain(through).collect()
    }

    fn conflict(
        &self,
        direction: Direction,
        at: Endpoint,
        other: Endpoint,
        connection: Option<usize>,
    ) -> ConfigError {
        let (output, input) = match direction {
            Direction::Output => (at, other),
            Direction::Input => (other, at),
        };
        let is = |direction, at| {
            let port = self.get(direction, at);
            port.map_or(Processing::Agnostic, |port| port.processing)
        };
        let output_processing = is(Direction::Output, output);
        let input_processing = is(Direction::Input, input);
        let connection = connection.and_then(|index| self.config.connections().get(index));
        match connection {
            Some(connection) => Problem::Processing {
                from: self.label(output.element),
                from_port: output.port,
                from_processing: output_processing,
                to: self.label(input.element),
                to_port: input.port,
                to_processing: input_processing,
            }
            .at(connection.to_span),
            None => Problem::Mixed {
                element: self.label(at.element),
                input: input.port,
                input_processing,
                output: output.port,
                output_processing,
            }
            .at(self
                .declaration(at.element)
                .map_or_else(Default::default, |d| d.span)),
        }
    }

    fn get(&self, direction: Direction, at: Endpoint) -> Option<&Port> {
        self.nodes.get(at.element)?.side(direction).get(at.port)
    }

    fn get_mut(&mut self, direction: Direction, at: Endpoint) -> Option<&mut Port> {
        let node = self.nodes.get_mut(at.element)?;
        node.side_mut(direction).get_mut(at.port)
    }

    fn declaration(&self, element: usize) -> Option<&Declaration> {
        self.config.elements().get(element)
    }

    fn label(&self, element: usize) -> alloc::string::String {
        self.declaration(element)
            .map(Declaration::label)
            .unwrap_or_default()
    }
}

/// Both ends of a connection, and where they stand.
const fn ends(connection: &Connection) -> [(Direction, Endpoint, Span); 2] {
    [
        (Direction::Output, connection.from, connection.from_span),
        (Direction::Input, connection.to, connection.to_span),
    ]
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
            _: bpf_runtime::Packet,
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
        class("Idle", Side::at_least(0, ANY), Side::at_least(0, ANY)),
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
