//! Making and checking a graph, save who pushes and who pulls.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Direction, Node, Port, Processing, Side};
use crate::error::{ConfigError, Problem};
use crate::language::{Config, Connection, Declaration, Endpoint, Span};
use crate::limits;

/// A graph that is being checked, step by step.
pub(super) struct Builder<'a> {
    pub(super) config: &'a Config,
    pub(super) nodes: Vec<Node>,
}

/// A port of the whole graph.
#[derive(Clone, Copy)]
pub(super) struct PortId {
    pub(super) direction: Direction,
    pub(super) at: Endpoint,
}

impl<'a> Builder<'a> {
    /// Every element with the ports that it needs, connected or not.
    pub(super) fn new(config: &'a Config) -> Self {
        let ports = |side: Side| (0..side.least).map(|port| Port::new(side, port)).collect();
        let nodes = config.elements().iter().map(|declaration| Node {
            inputs: ports(declaration.class.inputs),
            outputs: ports(declaration.class.outputs),
        });
        Self {
            config,
            nodes: nodes.collect(),
        }
    }

    /// Gives every element the ports that its connections ask for.
    pub(super) fn connect(&mut self) -> Result<(), ConfigError> {
        for (index, connection) in self.config.connections().iter().enumerate() {
            for (id, span) in ends(connection) {
                self.add_port(id, span)?;
                if let Some(port) = self.port_mut(id) {
                    port.connections.push(index);
                }
            }
        }
        Ok(())
    }

    /// Makes sure that a port and those before it exist.
    fn add_port(&mut self, id: PortId, span: Span) -> Result<(), ConfigError> {
        let PortId { direction, at } = id;
        let declared = self.config.elements().get(at.element);
        let side = declared.map(|declaration| match direction {
            Direction::Input => declaration.class.inputs,
            Direction::Output => declaration.class.outputs,
        });
        let node = self.nodes.get_mut(at.element);
        let (Some(side), Some(node)) = (side.filter(|side| side.allows(at.port)), node) else {
            return Err(Problem::NoSuchPort {
                element: self.label(at.element),
                direction,
                port: at.port,
            }
            .at(span));
        };
        let ports = node.side_mut(direction);
        let new = ports.len()..=at.port;
        ports.extend(new.map(|port| Port::new(side, port)));
        Ok(())
    }

    pub(super) fn check_connected(&self) -> Result<(), ConfigError> {
        match self.ports().find(|(_, port)| port.connections.is_empty()) {
            None => Ok(()),
            Some((PortId { direction, at }, _)) => Err(Problem::Unconnected {
                element: self.label(at.element),
                direction,
                port: at.port,
            }
            .at(self.span(at.element))),
        }
    }

    /// What is open after all have had their say becomes push, as in Click.
    pub(super) fn close_open_ports(&mut self) {
        for node in &mut self.nodes {
            for port in node.inputs.iter_mut().chain(&mut node.outputs) {
                if port.processing == Processing::Agnostic {
                    port.processing = Processing::Push;
                }
            }
        }
    }

    /// A push output can push to one input only, a pull input can pull from one output only.
    pub(super) fn check_reuse(&self) -> Result<(), ConfigError> {
        for (PortId { direction, at }, port) in self.ports() {
            let active = match direction {
                Direction::Input => Processing::Pull,
                Direction::Output => Processing::Push,
            };
            let second = port.connections.get(1).copied();
            let second = second.and_then(|index| self.config.connections().get(index));
            let Some(second) = second.filter(|_| port.processing == active) else {
                continue;
            };
            let span = match direction {
                Direction::Input => second.from_span,
                Direction::Output => second.to_span,
            };
            return Err(Problem::Reused {
                element: self.label(at.element),
                processing: active,
                direction,
                port: at.port,
            }
            .at(span));
        }
        Ok(())
    }

    /// Notes where push outputs lead and where pull inputs come from.
    pub(super) fn set_targets(&mut self) {
        for connection in self.config.connections() {
            let [(output, _), (input, _)] = ends(connection);
            for (id, other, active) in [
                (output, connection.to, Processing::Push),
                (input, connection.from, Processing::Pull),
            ] {
                if let Some(port) = self.port_mut(id)
                    && port.processing == active
                {
                    port.target = Some(other);
                }
            }
        }
    }

    /// Checks that packets are pulled through no more elements in a row than there is stack for, and
    /// never round in a circle.
    pub(super) fn check_pulls(&self) -> Result<(), ConfigError> {
        // How many elements packets are pulled through before they reach the inputs of each, as far
        // as is known. Each round knows one more; a circle is never done.
        let mut depths = alloc::vec![0_usize; self.nodes.len()];
        let pulls: Vec<(usize, usize)> = self.pulls().collect();
        for _ in 0..=limits::MAX_PULL_DEPTH {
            let mut deepest = None;
            for (from, to) in &pulls {
                let reached = depths.get(*from).map_or(0, |depth| depth.saturating_add(1));
                if let Some(depth) = depths.get_mut(*to).filter(|depth| **depth < reached) {
                    *depth = reached;
                    deepest = Some(*to);
                }
            }
            match deepest {
                None => return Ok(()),
                Some(element)
                    if depths
                        .get(element)
                        .is_some_and(|depth| *depth > limits::MAX_PULL_DEPTH) =>
                {
                    let element_name = self.label(element);
                    return Err(Problem::PullDepth(element_name).at(self.span(element)));
                }
                Some(_) => {}
            }
        }
        let element = depths
            .iter()
            .position(|depth| *depth > limits::MAX_PULL_DEPTH);
        let element = element.unwrap_or(0);
        Err(Problem::PullDepth(self.label(element)).at(self.span(element)))
    }

    /// Elements of which the second pulls from the first, where the first pulls from others in turn:
    /// one that stores packets has inputs that are pushed to, and ends a chain.
    fn pulls(&self) -> impl Iterator<Item = (usize, usize)> {
        self.ports().filter_map(|(PortId { direction, at }, port)| {
            let from = port.target?.element;
            (direction == Direction::Input).then_some((from, at.element))
        })
    }

    /// Every port, by element, inputs first.
    pub(super) fn ports(&self) -> impl Iterator<Item = (PortId, &Port)> {
        let sides = self.nodes.iter().enumerate().flat_map(|(element, node)| {
            Direction::ALL.map(|direction| (element, direction, node.side(direction)))
        });
        sides.flat_map(|(element, direction, ports)| {
            ports.iter().enumerate().map(move |(port, found)| {
                let at = Endpoint { element, port };
                (PortId { direction, at }, found)
            })
        })
    }

    pub(super) fn port(&self, PortId { direction, at }: PortId) -> Option<&Port> {
        self.nodes.get(at.element)?.side(direction).get(at.port)
    }

    pub(super) fn port_mut(&mut self, PortId { direction, at }: PortId) -> Option<&mut Port> {
        let node = self.nodes.get_mut(at.element)?;
        node.side_mut(direction).get_mut(at.port)
    }

    pub(super) fn label(&self, element: usize) -> String {
        let declaration = self.config.elements().get(element);
        declaration.map(Declaration::label).unwrap_or_default()
    }

    pub(super) fn span(&self, element: usize) -> Span {
        let declaration = self.config.elements().get(element);
        declaration.map_or_else(Span::default, |declaration| declaration.span)
    }
}

/// Both ends of a connection, and where they stand.
const fn ends(connection: &Connection) -> [(PortId, Span); 2] {
    let output = PortId {
        direction: Direction::Output,
        at: connection.from,
    };
    let input = PortId {
        direction: Direction::Input,
        at: connection.to,
    };
    [(output, connection.from_span), (input, connection.to_span)]
}
