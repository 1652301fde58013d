//! From statements to elements and connections: what each name stands for.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::arguments;
use super::config::{Config, Connection, Declaration, Endpoint};
use super::parser::{Chain, Item, Port};
use super::source::{Source, Span};
use crate::elements::ElementClass;
use crate::error::{ConfigError, Problem};
use crate::graph::Direction;
use crate::limits;
use crate::nearest::nearest;
use crate::render::quoted;

/// Resolves the names in `chains`, one after the other: an element is declared before it is used.
pub(super) fn resolve(
    source: &Source,
    classes: &'static [ElementClass],
    chains: Vec<Chain>,
) -> Result<Config, ConfigError> {
    let mut builder = Builder {
        source,
        classes,
        names: BTreeMap::new(),
        elements: Vec::new(),
        connections: Vec::new(),
        connected: BTreeSet::new(),
    };
    for chain in chains {
        builder.chain(chain)?;
    }
    Ok(builder.finish())
}

/// A configuration whose chains are being read.
struct Builder<'a> {
    source: &'a Source,
    classes: &'static [ElementClass],
    /// Index of each element that has a name of its own.
    names: BTreeMap<&'a str, usize>,
    /// The elements; anonymous ones have an empty name until all others are known.
    elements: Vec<Declaration>,
    connections: Vec<Connection>,
    connected: BTreeSet<(Endpoint, Endpoint)>,
}

/// An element where a chain mentions it.
#[derive(Clone, Copy)]
struct Mention {
    element: usize,
    input: Option<Port>,
    output: Option<Port>,
    span: Span,
}

impl<'a> Builder<'a> {
    fn chain(&mut self, mut chain: Chain) -> Result<(), ConfigError> {
        spread_class(&mut chain);
        let mut upstream: Option<Vec<Mention>> = None;
        for group in chain.groups {
            let group = group
                .into_iter()
                .map(|item| self.mention(&item))
                .collect::<Result<Vec<_>, _>>()?;
            match &upstream {
                Some(upstream) => self.connect(upstream, &group)?,
                None => refuse_stray(&group, Direction::Input)?,
            }
            upstream = Some(group);
        }
        refuse_stray(&upstream.unwrap_or_default(), Direction::Output)
    }

    /// The element that an item stands for: declared by it, before it, or anonymous.
    fn mention(&mut self, item: &Item) -> Result<Mention, ConfigError> {
        let name = self.source.slice(item.name);
        let class = self.find_class(name);
        let declared = self.names.get(name).copied();
        let element = match (item.class, class, declared) {
            (Some(_), Some(_), _) => return Err(Problem::ClassAsName(name.into()).at(item.name)),
            (Some(_), None, Some(first)) => return Err(self.redeclared(item.name, first)),
            (Some(class), None, None) => {
                let class = self.class(class)?;
                let element = self.declare(name, class, item)?;
                self.names.insert(name, element);
                element
            }
            (None, Some(class), _) => self.declare("", class, item)?,
            (None, None, Some(_)) if item.arguments.is_some() => {
                return Err(Problem::ArgumentsOnReference(name.into()).at(item.name));
            }
            (None, None, Some(element)) => element,
            (None, None, None) => return Err(self.unknown(item)),
        };
        Ok(Mention {
            element,
            input: item.input,
            output: item.output,
            span: item.name,
        })
    }

    fn declare(
        &mut self,
        name: &str,
        class: &'static ElementClass,
        item: &Item,
    ) -> Result<usize, ConfigError> {
        let element = self.elements.len();
        if element >= limits::MAX_ELEMENTS {
            return Err(Problem::TooManyElements.at(item.name));
        }
        let arguments = match item.arguments {
            None => Vec::new(),
            Some(list) => arguments::split(self.source, list)?,
        };
        self.elements.push(Declaration {
            name: name.into(),
            class,
            arguments,
            span: item.name,
        });
        Ok(element)
    }

    /// Connects two groups, of which at most one has several elements.
    fn connect(&mut self, from: &[Mention], to: &[Mention]) -> Result<(), ConfigError> {
        if let (Some(_), Some(second)) = (from.get(1), to.get(1)) {
            return Err(Problem::ManyToMany.at(second.span));
        }
        for from in from {
            for to in to {
                let output = Endpoint {
                    element: from.element,
                    port: from.output.map_or(0, |port| port.number),
                };
                let input = Endpoint {
                    element: to.element,
                    port: to.input.map_or(0, |port| port.number),
                };
                // A connection may be repeated and is still one.
                if self.connected.insert((output, input)) {
                    self.connections.push(Connection {
                        from: output,
                        to: input,
                        from_span: from.span,
                        to_span: to.span,
                    });
                }
            }
        }
        Ok(())
    }

    fn class(&self, span: Span) -> Result<&'static ElementClass, ConfigError> {
        let name = self.source.slice(span);
        self.find_class(name).ok_or_else(|| {
            Problem::UnknownClass {
                name: quoted(name),
                nearest: nearest(name, self.class_names()),
            }
            .at(span)
        })
    }

    fn find_class(&self, name: &str) -> Option<&'static ElementClass> {
        self.classes.iter().find(|class| class.name == name)
    }

    fn class_names(&self) -> impl Iterator<Item = &'static str> {
        self.classes.iter().map(|class| class.name)
    }

    fn redeclared(&self, name: Span, first: usize) -> ConfigError {
        let first = self.elements.get(first).map_or(0, |first| first.span.start);
        Problem::Redeclared {
            name: self.source.slice(name).into(),
            line: self.source.position(first).line,
        }
        .at(name)
    }

    /// A word that names nothing. With arguments it can only be meant as a class.
    fn unknown(&self, item: &Item) -> ConfigError {
        let name = self.source.slice(item.name);
        if item.arguments.is_some() {
            return self
                .class(item.name)
                .err()
                .unwrap_or_else(|| Problem::ClassAsName(name.into()).at(item.name));
        }
        let known = self
            .names
            .keys()
            .copied()
            .chain(self.class_names().map(|class| -> &str { class }));
        Problem::Undeclared {
            name: quoted(name),
            nearest: nearest(name, known).map(Into::into),
        }
        .at(item.name)
    }

    /// Names the anonymous elements as Click does: class, `@`, and the element's number, or the
    /// next one that is free.
    fn finish(self) -> Config {
        let Self {
            names,
            mut elements,
            connections,
            ..
        } = self;
        let mut taken: BTreeSet<String> = names.keys().map(|name| (*name).into()).collect();
        for (index, element) in elements.iter_mut().enumerate() {
            if element.name.is_empty() {
                let numbers = index.saturating_add(1)..;
                let mut free = numbers.map(|number| format!("{}@{number}", element.class.name));
                element.name = free.find(|name| !taken.contains(name)).unwrap_or_default();
                taken.insert(element.name.clone());
            }
        }
        Config {
            elements,
            connections,
        }
    }
}

/// `a, b :: Class(…)` on its own declares `a` and `b`; within a chain it would declare `b` only.
fn spread_class(chain: &mut Chain) {
    let [group] = chain.groups.as_mut_slice() else {
        return;
    };
    let Some((last, others)) = group.split_last_mut() else {
        return;
    };
    let has_ports = |item: &Item| item.input.is_some() || item.output.is_some();
    let plain = others.iter().all(|item| item.is_bare() && !has_ports(item));
    if plain && !has_ports(last) {
        for item in others {
            item.class = last.class;
            item.arguments = last.arguments;
        }
    }
}

/// A chain begins without input ports and ends without output ports.
fn refuse_stray(group: &[Mention], direction: Direction) -> Result<(), ConfigError> {
    let port = |mention: &Mention| match direction {
        Direction::Input => mention.input,
        Direction::Output => mention.output,
    };
    match group.iter().find_map(port) {
        Some(port) => Err(Problem::StrayPort(direction).at(port.span)),
        None => Ok(()),
    }
}
