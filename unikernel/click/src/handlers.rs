//! Handlers: what can be read from and written to a running router, as `element.handler`.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use platform_click::Code;

use crate::codes;
use crate::element::Handler;
use crate::language::Declaration;
use crate::nearest::nearest;
use crate::render::quoted;
use crate::router::Router;

/// The handlers of every element: its class, its name, its arguments, and the names of its handlers.
pub const GENERIC: &[Handler] = &[
    Handler::read("class"),
    Handler::read("name"),
    Handler::read("config"),
    Handler::read("handlers"),
];

/// Why a handler cannot be used so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandlerError {
    /// The text is not `element.handler`.
    #[error("`{0}` is not of the form element.handler")]
    Form(String),
    /// No element has this name or class, or matches this pattern.
    #[error("no element `{name}`{}", guess(nearest))]
    Element {
        /// The name.
        name: String,
        /// The element whose name is nearest.
        nearest: Option<String>,
    },
    /// The element has no such handler.
    #[error("no handler `{element}.{handler}`{}", guess(nearest))]
    Handler {
        /// The element.
        element: String,
        /// The handler.
        handler: String,
        /// The handler whose name is nearest.
        nearest: Option<String>,
    },
    /// The handler can only be written.
    #[error("`{element}.{handler}` is a write handler")]
    NotReadable {
        /// The element.
        element: String,
        /// The handler.
        handler: String,
    },
    /// The handler can only be read.
    #[error("`{element}.{handler}` is a read handler")]
    NotWritable {
        /// The element.
        element: String,
        /// The handler.
        handler: String,
    },
    /// The handler does not take this value.
    #[error("`{element}.{handler}` does not take `{value}`")]
    Value {
        /// The element.
        element: String,
        /// The handler.
        handler: String,
        /// The value.
        value: String,
    },
}

impl HandlerError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        codes::HANDLER
    }
}

fn guess(nearest: &Option<String>) -> String {
    nearest
        .as_ref()
        .map(|nearest| format!("; did you mean `{nearest}`?"))
        .unwrap_or_default()
}

impl Router {
    /// The full names of the handlers that `pattern` stands for. In front of the dot it has the
    /// name of an element, that of a class, which stands for all its elements, or a pattern with
    /// `*` and `?`.
    ///
    /// # Errors
    /// It stands for nothing.
    pub fn expand_handlers(&self, pattern: &str) -> Result<Vec<String>, HandlerError> {
        let (element, handler) = split(pattern)?;
        let elements = self.config().elements();
        let by_name = elements.iter().filter(|e| e.name == element);
        let mut found: Vec<&Declaration> = by_name.collect();
        if found.is_empty() {
            let matches = |e: &&Declaration| e.class.name == element || glob(element, &e.name);
            found = elements.iter().filter(matches).collect();
        }
        if found.is_empty() {
            return Err(self.no_element(element));
        }
        let names = found.iter().map(|e| format!("{}.{handler}", e.name));
        Ok(names.collect())
    }

    /// Reads the handler with this full name.
    ///
    /// # Errors
    /// There is no such handler, or it cannot be read.
    pub fn read_handler(&self, name: &str) -> Result<String, HandlerError> {
        let (index, declaration, handler) = self.find(name)?;
        if !handler.readable {
            return Err(HandlerError::NotReadable {
                element: declaration.name.clone(),
                handler: handler.name.into(),
            });
        }
        let value = match handler.name {
            "class" => Some(declaration.class.name.into()),
            "name" => Some(declaration.name.clone()),
            "config" => Some(declaration.configuration()),
            "handlers" => Some(list(declaration)),
            _ => self
                .element(index)
                .and_then(|element| element.read(handler.name)),
        };
        value.ok_or_else(|| no_handler(declaration, handler.name))
    }

    /// Writes to the handler with this full name.
    ///
    /// # Errors
    /// There is no such handler, it cannot be written, or does not take the value.
    pub fn write_handler(&mut self, name: &str, value: &str) -> Result<(), HandlerError> {
        let (index, declaration, handler) = self.find(name)?;
        let element = declaration.name.clone();
        if !handler.writable {
            return Err(HandlerError::NotWritable {
                element,
                handler: handler.name.into(),
            });
        }
        let written = self
            .element_mut(index)
            .and_then(|element| element.write(handler.name, value));
        written.ok_or_else(|| HandlerError::Value {
            element,
            handler: handler.name.into(),
            value: quoted(value),
        })
    }

    fn find(&self, name: &str) -> Result<(usize, &Declaration, &'static Handler), HandlerError> {
        let (element, handler) = split(name)?;
        let mut elements = self.config().elements().iter().enumerate();
        let (index, declaration) = elements
            .find(|(_, declaration)| declaration.name == element)
            .ok_or_else(|| self.no_element(element))?;
        let found = handlers(declaration).find(|known| known.name == handler);
        let handler = found.ok_or_else(|| no_handler(declaration, handler))?;
        Ok((index, declaration, handler))
    }

    fn no_element(&self, name: &str) -> HandlerError {
        let elements = self.config().elements().iter();
        HandlerError::Element {
            name: quoted(name),
            nearest: nearest(name, elements.map(|e| e.name.as_str())).map(Into::into),
        }
    }
}

/// The handlers of an element: those of all, and those of its class.
fn handlers(declaration: &Declaration) -> impl Iterator<Item = &'static Handler> {
    GENERIC.iter().chain(declaration.class.handlers)
}

/// As Click's handler `handlers`: a line each, with `r`, `w` or `rw`.
fn list(declaration: &Declaration) -> String {
    let lines = handlers(declaration).map(|handler| {
        let read = if handler.readable { "r" } else { "" };
        let write = if handler.writable { "w" } else { "" };
        format!("{}\t{read}{write}", handler.name)
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn no_handler(declaration: &Declaration, handler: &str) -> HandlerError {
    let names = handlers(declaration).map(|handler| handler.name);
    HandlerError::Handler {
        element: declaration.name.clone(),
        handler: quoted(handler),
        nearest: nearest(handler, names).map(Into::into),
    }
}

/// Element and handler. Names of elements have no dots.
fn split(name: &str) -> Result<(&str, &str), HandlerError> {
    name.split_once('.')
        .filter(|(element, handler)| !element.is_empty() && !handler.is_empty())
        .ok_or_else(|| HandlerError::Form(quoted(name)))
}

/// Whether `name` matches a pattern in which `*` stands for any text and `?` for any character.
/// Going back to the last `*` only keeps this quadratic.
fn glob(pattern: &str, name: &str) -> bool {
    let mut rest = (pattern.chars(), name.chars());
    let mut star: Option<(core::str::Chars<'_>, core::str::Chars<'_>)> = None;
    loop {
        let (pattern, name) = (&mut rest.0, &mut rest.1);
        let before = (pattern.clone(), name.clone());
        match (pattern.next(), name.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                star = Some((pattern.clone(), before.1.clone()));
                *name = before.1;
            }
            (Some('?'), Some(_)) => {}
            (Some(wanted), Some(found)) if wanted == found => {}
            _ => {
                let Some((after_star, from)) = &mut star else {
                    return false;
                };
                if from.next().is_none() {
                    return false;
                }
                rest = (after_star.clone(), from.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("*", "abc", true),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*b*b*", "abab", true),
            ("*@1", "Counter@1", true),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("", "a", false),
        ] {
            assert_eq!(glob(pattern, name), expected, "{pattern} {name}");
        }
    }
}
