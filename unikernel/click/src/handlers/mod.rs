//! Handlers: what can be read from and written to a running router, as `element.handler`.

mod call;
mod values;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use platform_click::Code;

use crate::codes;
use crate::element::Handler;
use crate::host::Host;
use crate::language::Declaration;
use crate::render::quoted;
use crate::router::Router;

pub(crate) use call::HandlerName;

/// The handlers of every element: its class, its name, its arguments, its ports, and the names of its
/// handlers.
pub const GENERIC: &[Handler] = &[
    Handler::read("class"),
    Handler::read("name"),
    Handler::read("config"),
    Handler::read("ports"),
    Handler::read("handlers"),
];

/// The handlers of the router itself, as Click has them: its version, the configuration as it is
/// and flattened, elements, requirements, all classes, the kind of driver, and the request to stop.
pub const ROOT: &[Handler] = &[
    Handler::read("version"),
    Handler::read("driver"),
    Handler::read("config"),
    Handler::read("flatconfig"),
    Handler::read("requirements"),
    Handler::read("handlers"),
    Handler::read("list"),
    Handler::read("classes"),
    Handler::write("stop"),
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
    #[error("no handler `{}`{}", full_name(element, handler), guess(nearest))]
    Handler {
        /// The element.
        element: String,
        /// The handler.
        handler: String,
        /// The handler whose name is nearest.
        nearest: Option<String>,
    },
    /// The handler can only be written.
    #[error("`{}` is a write handler", full_name(element, handler))]
    NotReadable {
        /// The element.
        element: String,
        /// The handler.
        handler: String,
    },
    /// The handler can only be read.
    #[error("`{}` is a read handler", full_name(element, handler))]
    NotWritable {
        /// The element.
        element: String,
        /// The handler.
        handler: String,
    },
    /// The handler does not take this value.
    #[error("`{}` does not take `{value}`", full_name(element, handler))]
    Value {
        /// The element; nothing for the router itself, here and below.
        element: String,
        /// The handler.
        handler: String,
        /// The value.
        value: String,
    },
    /// The handler takes no parameters when it is read.
    #[error("`{}` does not take parameters", full_name(element, handler))]
    Parameters {
        /// The element.
        element: String,
        /// The handler.
        handler: String,
    },
    /// The handler says why it does not do what it is asked to.
    #[error("`{}`: {reason}", full_name(element, handler))]
    Refused {
        /// The element.
        element: String,
        /// The handler.
        handler: String,
        /// Why.
        reason: String,
    },
    /// The element is at work: it has asked for something that asks for it.
    #[error("`{0}` is busy")]
    Busy(String),
}

impl HandlerError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        codes::HANDLER
    }
}

/// Why a handler of an element does not do what it is asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The value, or the parameters, do not fit.
    Value,
    /// Another reason, in words.
    Because(String),
}

fn full_name(element: &str, handler: &str) -> String {
    match element {
        "" => handler.into(),
        _ => format!("{element}.{handler}"),
    }
}

fn guess(nearest: &Option<String>) -> String {
    nearest
        .as_ref()
        .map(|nearest| format!("; did you mean `{nearest}`?"))
        .unwrap_or_default()
}

impl Router {
    /// The full names of the readable handlers that `pattern` stands for. In front of the dot it
    /// has the name of an element, that of a class, which stands for all its elements, or a pattern
    /// with `*` and `?`; of several elements, those count that have the handler. Without a dot, it
    /// is a handler of the router itself.
    ///
    /// # Errors
    /// It stands for nothing, or for something that cannot be read.
    pub fn expand_handlers(&self, pattern: &str) -> Result<Vec<String>, HandlerError> {
        let Ok((element, handler)) = split(pattern) else {
            self.readable(pattern)?;
            return Ok(Vec::from([pattern.into()]));
        };
        let elements = self.config().elements();
        if elements.iter().any(|e| e.name == element) {
            self.readable(pattern)?;
            return Ok(Vec::from([pattern.into()]));
        }
        let matches = |e: &&Declaration| e.class.name == element || glob(element, &e.name);
        let found: Vec<String> = elements
            .iter()
            .filter(matches)
            .map(|e| full_name(&e.name, handler))
            .collect();
        let first = found.first().ok_or_else(|| self.no_element(element))?;
        let readable = |name: &&String| self.readable(name).is_ok();
        let readable: Vec<String> = found.iter().filter(readable).cloned().collect();
        if readable.is_empty() {
            self.readable(first)?;
        }
        Ok(readable)
    }

    /// Reads the handler with this full name, if it needs no more than the element: one that takes
    /// parameters or uses the host is for [`Self::call_read`].
    ///
    /// # Errors
    /// There is no such handler, or it cannot be read so.
    pub fn read_handler(&self, name: &str) -> Result<String, HandlerError> {
        let (name, handler) = self.readable(name)?;
        let value = match name.element {
            None => values::of_router(self.plan(), &handler.name),
            Some(index) => {
                let element = self.element(index);
                values::of_element(self.plan(), index, element, &handler.name)
                    .or_else(|| element?.read(&handler.name))
            }
        };
        value.ok_or_else(|| self.no_handler(name.element, &handler.name))
    }

    /// Writes to the handler with this full name, if it needs no more than the element: one that
    /// uses the host or other elements is for [`Self::call_write`].
    ///
    /// # Errors
    /// There is no such handler, it cannot be written, or does not take the value.
    pub fn write_handler(&mut self, name: &str, value: &str) -> Result<(), HandlerError> {
        let (name, handler) = self.writable(name)?;
        let written = name.element.and_then(|index| {
            let element = self.element_mut(index)?;
            element.write(&handler.name, value)
        });
        written.ok_or_else(|| HandlerError::Value {
            element: self.name_of(name.element),
            handler: handler.name,
            value: quoted(value),
        })
    }

    /// Reads a handler as a script does: `call` is the handler's full name, and its parameters
    /// behind a blank.
    ///
    /// # Errors
    /// There is no such handler, it cannot be read, or does not take the parameters.
    pub fn call_read(&mut self, host: &mut dyn Host, call: &str) -> Result<String, HandlerError> {
        self.outside(host, |context| context.read_handler(call))
    }

    /// Writes to a handler as a script does: `call` is the handler's full name, and the value behind
    /// a blank. What it sets in motion moves when the router runs.
    ///
    /// # Errors
    /// There is no such handler, it cannot be written, or does not take the value.
    pub fn call_write(&mut self, host: &mut dyn Host, call: &str) -> Result<(), HandlerError> {
        self.outside(host, |context| context.write_handler(call))
    }

    fn readable(&self, name: &str) -> Result<(HandlerName, Handler<String>), HandlerError> {
        let (name, handler) = self.find(name)?;
        if handler.readable {
            return Ok((name, handler));
        }
        Err(HandlerError::NotReadable {
            element: self.name_of(name.element),
            handler: handler.name,
        })
    }

    fn writable(&self, name: &str) -> Result<(HandlerName, Handler<String>), HandlerError> {
        let (name, handler) = self.find(name)?;
        if handler.writable {
            return Ok((name, handler));
        }
        Err(HandlerError::NotWritable {
            element: self.name_of(name.element),
            handler: handler.name,
        })
    }

    fn find(&self, name: &str) -> Result<(HandlerName, Handler<String>), HandlerError> {
        let name = HandlerName::parse(self.config(), usize::MAX, name, |_| false)?;
        let own = name.element.and_then(|index| self.element(index));
        let own = own.and_then(|element| element.own_handler(&name.handler));
        let handler = match own {
            Some(handler) => handler,
            None => call::of_class(self.config(), &name)?,
        };
        Ok((name, handler))
    }

    fn name_of(&self, element: Option<usize>) -> String {
        call::name_of(self.config(), element)
    }

    fn no_handler(&self, element: Option<usize>, handler: &str) -> HandlerError {
        call::no_handler(self.config(), element, handler)
    }

    fn no_element(&self, name: &str) -> HandlerError {
        call::no_element(self.config(), name)
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
