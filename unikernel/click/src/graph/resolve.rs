//! Who pushes and who pulls.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::build::{Builder, PortId};
use super::{Direction, Processing};
use crate::error::{ConfigError, Problem};
use crate::language::{Connection, Endpoint};

/// A port that must be what another one is, and the connection that says so; none if both belong to
/// an agnostic element.
type Neighbour<'a> = (PortId, Option<&'a Connection>);

impl<'a> Builder<'a> {
    /// Spreads push and pull from the ports that are one of them: over connections, and through
    /// elements between their agnostic inputs and outputs. Each port is visited once, nearest
    /// first, so that a conflict is found where the two meet.
    pub(super) fn resolve(&mut self) -> Result<(), ConfigError> {
        let known = self.ports();
        let known = known.filter(|(_, port)| port.processing != Processing::Agnostic);
        let mut resolved: VecDeque<PortId> = known.map(|(id, _)| id).collect();
        while let Some(id) = resolved.pop_front() {
            let processing = self.processing(id);
            for (other, connection) in self.neighbours(id) {
                let Some(port) = self.port_mut(other) else {
                    continue;
                };
                if port.processing == Processing::Agnostic {
                    port.processing = processing;
                    resolved.push_back(other);
                } else if port.processing != processing {
                    return Err(self.conflict(id, other, connection));
                }
            }
        }
        Ok(())
    }

    fn neighbours(&self, id: PortId) -> Vec<Neighbour<'a>> {
        let Some(port) = self.port(id) else {
            return Vec::new();
        };
        let config = self.config;
        let direction = id.direction.opposite();
        let connected = port.connections.iter().filter_map(|index| {
            let connection = config.connections().get(*index)?;
            let at = match direction {
                Direction::Input => connection.to,
                Direction::Output => connection.from,
            };
            Some((PortId { direction, at }, Some(connection)))
        });
        let element = id.at.element;
        let through = port.agnostic && port.tied;
        let node = self.nodes.get(element).filter(|_| through);
        let across = node.map_or(&[][..], |node| node.side(direction));
        let through = across.iter().enumerate().filter_map(|(port, across)| {
            let at = Endpoint { element, port };
            (across.agnostic && across.tied).then_some((PortId { direction, at }, None))
        });
        connected.chain(through).collect()
    }

    /// Two neighbours that differ.
    fn conflict(&self, a: PortId, b: PortId, connection: Option<&Connection>) -> ConfigError {
        let (output, input) = match a.direction {
            Direction::Output => (a, b),
            Direction::Input => (b, a),
        };
        match connection {
            Some(connection) => Problem::Processing {
                from: self.label(output.at.element),
                from_port: output.at.port,
                from_processing: self.processing(output),
                to: self.label(input.at.element),
                to_port: input.at.port,
                to_processing: self.processing(input),
            }
            .at(connection.to_span),
            None => Problem::Mixed {
                element: self.label(a.at.element),
                input: input.at.port,
                input_processing: self.processing(input),
                output: output.at.port,
                output_processing: self.processing(output),
            }
            .at(self.span(a.at.element)),
        }
    }

    fn processing(&self, id: PortId) -> Processing {
        self.port(id)
            .map_or(Processing::Agnostic, |port| port.processing)
    }
}
