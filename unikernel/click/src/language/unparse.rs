//! Writing a configuration down again, flattened: `bpfclick -o`.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use super::config::{Config, Connection, Declaration};

impl Declaration {
    /// The arguments, separated by commas: what stands between the parentheses.
    #[must_use]
    pub fn configuration(&self) -> String {
        let texts: Vec<&str> = self
            .arguments
            .iter()
            .map(|argument| argument.text.as_str())
            .collect();
        texts.join(", ")
    }
}

impl fmt::Display for Declaration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label())?;
        if !self.arguments.is_empty() {
            write!(f, "({})", self.configuration())?;
        }
        f.write_str(";")
    }
}

/// All declarations, then all connections, in chains as long as possible. Reading the result again
/// gives the same configuration.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for requirement in &self.requirements {
            writeln!(f, "require({requirement});\n")?;
        }
        for element in self.elements() {
            writeln!(f, "{element}")?;
        }
        for (index, chain) in chains(self.connections()).iter().enumerate() {
            if index == 0 {
                writeln!(f)?;
            }
            self.fmt_chain(f, chain)?;
        }
        Ok(())
    }
}

impl Config {
    fn fmt_chain(&self, f: &mut fmt::Formatter<'_>, chain: &[Connection]) -> fmt::Result {
        let name = |element: usize| self.elements().get(element).map_or("", |e| e.name.as_str());
        for (index, connection) in chain.iter().enumerate() {
            if index == 0 {
                f.write_str(name(connection.from.element))?;
                if connection.from.port != 0 {
                    write!(f, " [{}]", connection.from.port)?;
                }
                f.write_str(" -> ")?;
            } else {
                f.write_str("\n    -> ")?;
            }
            if connection.to.port != 0 {
                write!(f, "[{}] ", connection.to.port)?;
            }
            f.write_str(name(connection.to.element))?;
        }
        writeln!(f, ";")
    }
}

/// Groups connections into chains. A chain goes on where it arrives at input 0 and output 0 of the
/// same element is connected; each connection is in one chain.
fn chains(connections: &[Connection]) -> Vec<Vec<Connection>> {
    let mut from_output_0: BTreeMap<usize, usize> = BTreeMap::new();
    for (index, connection) in connections.iter().enumerate() {
        if connection.from.port == 0 {
            from_output_0
                .entry(connection.from.element)
                .or_insert(index);
        }
    }
    let next = |connection: &Connection| match connection.to.port {
        0 => from_output_0.get(&connection.to.element).copied(),
        _ => None,
    };
    let mut continues = vec![false; connections.len()];
    for connection in connections {
        if let Some(flag) = next(connection).and_then(|next| continues.get_mut(next)) {
            *flag = true;
        }
    }
    let starts_first = |flag: bool| {
        let starts = continues.iter().enumerate();
        starts.filter_map(move |(index, continues)| (*continues == flag).then_some(index))
    };
    let mut used = vec![false; connections.len()];
    let mut chains = Vec::new();
    // What only continues others and is still left is part of a cycle.
    for start in starts_first(false).chain(starts_first(true)) {
        let mut chain = Vec::new();
        let mut current = Some(start);
        while let Some(index) = current {
            let (Some(connection), Some(used @ false)) =
                (connections.get(index), used.get_mut(index))
            else {
                break;
            };
            *used = true;
            chain.push(*connection);
            current = next(connection);
        }
        if !chain.is_empty() {
            chains.push(chain);
        }
    }
    chains
}
