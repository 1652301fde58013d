//! A configuration: elements and connections, with all names resolved.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::arguments::{Argument, split};
use super::compound::Classes;
use super::declare::Declarer;
use super::expand::Expander;
use super::library::{Libraries, NoLibraries};
use super::source::{Source, Span};
use super::tunnel::connect_through;
use crate::elements::{self, ElementClass};
use crate::error::{ConfigError, Problem};
use crate::limits;

/// What a configuration says, before anything of it is checked against the classes' ports and
/// arguments.
#[derive(Clone, Debug)]
pub struct Config {
    pub(super) elements: Vec<Declaration>,
    pub(super) connections: Vec<Connection>,
    pub(super) requirements: Vec<String>,
    /// Shared, since errors have no copies.
    warnings: Arc<[ConfigError]>,
}

/// How a configuration is read.
#[derive(Debug)]
pub struct Reading<'a> {
    /// Variables that count more than what the configuration defines: names and texts.
    pub variables: Vec<(String, String)>,
    /// Whether ports where no connection is are warnings, as they are for the system whose
    /// configurations have them.
    pub lenient: bool,
    /// Where libraries come from.
    pub libraries: &'a mut dyn Libraries,
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
    /// Reads a configuration that requires no libraries.
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
        let reading = &mut Reading {
            variables: Vec::new(),
            lenient: false,
            libraries: &mut NoLibraries,
        };
        // The texts of libraries would be added; there are none.
        read(&mut source.clone(), classes, reading)
    }

    /// Reads a configuration. The texts of libraries that it requires are added to `source`, so
    /// that places in them have names.
    ///
    /// # Errors
    /// The first thing that is wrong with it, and where.
    pub fn read(source: &mut Source, reading: &mut Reading<'_>) -> Result<Self, ConfigError> {
        read(source, elements::ALL, reading)
    }

    /// What is odd about it, and where.
    #[must_use]
    pub fn warnings(&self) -> &[ConfigError] {
        &self.warnings
    }

    /// Adds an element that the text does not have, with arguments as they would stand there.
    ///
    /// # Errors
    /// There is no such class, there are too many elements, or the arguments are not closed.
    pub fn add(&mut self, name: &str, class: &str, arguments: &str) -> Result<(), ConfigError> {
        if self.elements.len() >= limits::MAX_ELEMENTS {
            return Err(Problem::TooManyElements.at(Span::default()));
        }
        let found = elements::class(class).ok_or_else(|| {
            let name = class.into();
            Problem::UnknownClass {
                name,
                nearest: None,
            }
            .at(Span::default())
        })?;
        self.elements.push(Declaration {
            name: name.into(),
            class: found,
            arguments: split(arguments, 0)?,
            span: Span::default(),
        });
        Ok(())
    }

    /// The elements, in the order of their declarations.
    #[must_use]
    pub fn elements(&self) -> &[Declaration] {
        &self.elements
    }

    /// The element that `name` means to the element with the index `within`: one beside it in the
    /// same compound element, or else in the next one around that, and so on (Click's
    /// `Router::find`).
    #[must_use]
    pub fn find(&self, name: &str, within: usize) -> Option<usize> {
        let place = self.elements.get(within);
        let mut prefix = place.map_or("", |element| element.name.as_str());
        loop {
            prefix = prefix.rsplit_once('/').map_or("", |(outer, _)| outer);
            let found = self.elements.iter().position(|element| {
                match (prefix, element.name.strip_prefix(prefix)) {
                    ("", _) => element.name == name,
                    (_, Some(rest)) => rest.strip_prefix('/') == Some(name),
                    (_, None) => false,
                }
            });
            if found.is_some() || prefix.is_empty() {
                return found;
            }
        }
    }

    /// What it requires beside libraries, such as `compact_config`.
    #[must_use]
    pub fn requirements(&self) -> &[String] {
        &self.requirements
    }

    /// The connections, each once.
    #[must_use]
    pub fn connections(&self) -> &[Connection] {
        &self.connections
    }
}

fn read(
    source: &mut Source,
    classes: &'static [ElementClass],
    reading: &mut Reading<'_>,
) -> Result<Config, ConfigError> {
    let len = source.text().len();
    if len > limits::MAX_CONFIG_SIZE {
        return Err(Problem::TooLong(len).at(Span::default()));
    }
    let mut declarer = Declarer::new(source, Classes::new(classes), reading);
    let scope = declarer.configuration()?;
    let Declarer {
        source,
        reading,
        classes,
        requirements,
        warnings,
        ..
    } = declarer;
    let flat = Expander::new(source, &classes).expand(&scope, &reading.variables)?;
    let (elements, connections) = connect_through(flat)?;
    Ok(Config {
        elements,
        connections,
        requirements,
        warnings: warnings.into(),
    })
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
    fn names_are_looked_up_from_the_inside_to_the_outside() {
        let text = "elementclass A { i :: Null; elementclass B { i :: Null; j :: Null } b :: B }
            a :: A; i :: Null; k :: Null";
        let config = Config::parse(&Source::new("", text)).unwrap();
        let index = |name: &str| {
            let position = config.elements().iter().position(|e| e.name == name);
            position.unwrap_or_else(|| panic!("{name}"))
        };
        for (name, within, expected) in [
            ("i", "a/b/j", Some("a/b/i")),
            ("j", "a/b/i", Some("a/b/j")),
            ("i", "a/i", Some("a/i")),
            ("b/j", "a/i", Some("a/b/j")),
            ("b/j", "k", None),
            ("a/b/j", "a/b/i", Some("a/b/j")),
            ("k", "a/b/j", Some("k")),
            ("i", "k", Some("i")),
            ("x", "a/b/j", None),
        ] {
            let found = config.find(name, index(within));
            assert_eq!(found, expected.map(index), "{name} within {within}");
        }
        assert_eq!(config.find("i", usize::MAX), Some(index("i")));
    }

    #[test]
    fn an_element_is_declared_before_it_is_used() {
        assert!(Config::parse(&Source::new("", "a -> b; a, b :: Counter")).is_err());
        assert!(Config::parse(&Source::new("", "a :: Counter -> b :: Counter -> a")).is_ok());
    }
}
