//! A configuration: elements and connections, with all names resolved.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::arguments::{self, Argument};
use super::parser::{self, Chain, Item, Port};
use super::source::{Source, Span};
use crate::elements::{self, ElementClass};
use crate::error::{ConfigError, Problem, quoted};
use crate::graph::Direction;
use crate::limits;
use crate::nearest::nearest;

/// What a configuration says, before anything of it is checked against the classes' ports and
/// arguments.
#[derive(Clone, Debug)]
pub struct Config {
    elements: Vec<Declaration>,
    connections: Vec<Connection>,
}

/// An element.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// Its name; `Class@number` if the configuration gives none.
    pub name: String,
    /// Its class.
    pub class: &'static ElementClass,
    /// Its arguments.
    pub arguments: Vec<Argument>,
    /// Where it is declared.
    pub span: Span,
}

impl Declaration {
    /// `name :: Class`, as messages call it.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} :: {}", self.name, self.class.name)
    }
}

/// One side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// Index of the element in [`Config::elements`].
    pub element: usize,
    /// The port.
    pub port: usize,
}

/// A connection of an output to an input.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    /// The output.
    pub from: Endpoint,
    /// The input.
    pub to: Endpoint,
    /// Where the upstream element stands in the connection.
    pub from_span: Span,
    /// Where the downstream element stands in the connection.
    pub to_span: Span,
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// The first thing that is wrong with it, and where.
    pub fn parse(source: &Source) -> Result<Self, ConfigError> {
        Self::parse_with(source, elements::ALL)
    }

    /// As [`Self::parse`], with other classes.
    pub(crate) fn parse_with(
        source: &Source,
        classes: &'static [ElementClass],
    ) -> Result<Self, ConfigError> {
        let len = source.text().len();
        if len > limits::MAX_CONFIG_SIZE {
            return Err(Problem::TooLong(len).at(Span::default()));
        }
        let mut builder = Builder {
            source,
            classes,
            names: BTreeMap::new(),
            elements: Vec::new(),
            connections: Vec::new(),
            connected: BTreeSet::new(),
        };
        for chain in parser::parse(source)? {
            builder.chain(chain)?;
        }
        Ok(builder.finish())
    }

    /// The elements, in the order of their declarations.
    #[must_use]
    pub fn elements(&self) -> &[Declaration] {
        &self.elements
    }

    /// The connections, each once.
    #[must_use]
    pub fn connections(&self) -> &[Connection] {
        &self.connections
    }
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

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn flatten(text: &str) -> String {
        Config::parse(&Source::new("test", text))
            .unwrap()
            .to_string()
    }

    #[test]
    fn configurations_are_flattened_as_click_does() {
        for (text, expected) in [
            ("", ""),
            (";;", ""),
            ("c :: Counter", "c :: Counter;\n"),
            ("Counter", "Counter@1 :: Counter;\n"),
            ("Counter()", "Counter@1 :: Counter;\n"),
            ("a, b :: Strip(1)", "a :: Strip(1);\nb :: Strip(1);\n"),
            (
                "Strip@2 :: Counter; Strip(1); Strip(2)",
                "Strip@2 :: Counter;\nStrip@3 :: Strip(1);\nStrip@4 :: Strip(2);\n",
            ),
            (
                "a :: Counter -> [1] b :: Counter [2] -> c :: Counter",
                "a :: Counter;\nb :: Counter;\nc :: Counter;\n\na -> [1] b;\nb [2] -> c;\n",
            ),
            (
                "a, b, c :: Counter; a [1], b -> c; c -> a, b",
                "a :: Counter;\nb :: Counter;\nc :: Counter;\n\n\
                 a [1] -> c\n    -> a;\nc -> b\n    -> c;\n",
            ),
            (
                "a :: Counter -> b :: Counter -> a",
                "a :: Counter;\nb :: Counter;\n\na -> b\n    -> a;\n",
            ),
        ] {
            assert_eq!(flatten(text), expected, "{text}");
            assert_eq!(flatten(expected), expected, "{text}");
        }
    }

    #[test]
    fn semicolons_are_optional_and_comments_are_blanks() {
        let expected = flatten("a :: Print(x, ACTIVE false); b :: Discard; a -> b; c :: Discard;");
        let text = "a::Print(x // label\n, /* off */ ACTIVE\n/**/false,)b/*, */::Discard\n\
                    a\n->\n// next\nb c :: Discard";
        assert_eq!(flatten(text), expected);
    }

    #[test]
    fn repeated_connections_are_one() {
        let config = Config::parse(&Source::new("", "a, b :: Counter; a -> b; a [0] -> [0] b"));
        assert_eq!(config.unwrap().connections().len(), 1);
    }

    #[test]
    fn an_element_is_declared_before_it_is_used() {
        assert!(Config::parse(&Source::new("", "a -> b; a, b :: Counter")).is_err());
        assert!(Config::parse(&Source::new("", "a :: Counter -> b :: Counter -> a")).is_ok());
    }
}
