//! Calls of handlers while the router is there: which handler a text means, and who carries it out.

use alloc::string::String;

use super::{GENERIC, HandlerError, ROOT, Refusal, values};
use crate::element::{Context, Element, Handler};
use crate::language::{Config, shift_word};
use crate::nearest::nearest;
use crate::render::quoted;

/// A handler that a text means. Whether the element has it is another question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HandlerName {
    /// The element; `None` is the router itself.
    pub(crate) element: Option<usize>,
    /// The handler.
    pub(crate) handler: String,
}

impl HandlerName {
    /// Reads a name as the element with the index `within` understands it (Click's
    /// `cp_handler_name`): `element.handler`, where the element is looked up from the inside of
    /// compound elements to the outside; `handler` alone, of the element itself, if `own` says that
    /// it has it, or else of the router; `.handler`, of the router.
    pub(crate) fn parse(
        config: &Config,
        within: usize,
        text: &str,
        own: impl Fn(&str) -> bool,
    ) -> Result<Self, HandlerError> {
        let name = |element: Option<usize>, handler: &str| {
            Ok(Self {
                element,
                handler: handler.into(),
            })
        };
        match text.split_once('.') {
            None if text.is_empty() => Err(HandlerError::Form(quoted(text))),
            None if own(text) => name(Some(within), text),
            None => name(None, text),
            Some(("", handler)) => name(None, handler),
            Some((_, "")) => Err(HandlerError::Form(quoted(text))),
            Some((element, handler)) => match config.find(element, within) {
                Some(index) => name(Some(index), handler),
                None if own(text) => name(Some(within), text),
                None => Err(no_element(config, element)),
            },
        }
    }
}

/// What the table of its class, or that of the router, says about a handler.
pub(super) fn of_class(
    config: &Config,
    name: &HandlerName,
) -> Result<Handler<String>, HandlerError> {
    let found = all(config, name.element).find(|handler| handler.name == name.handler);
    let found = found.ok_or_else(|| no_handler(config, name.element, &name.handler))?;
    Ok(found.owned())
}

/// The handlers of an element: those of all, and those of its class.
pub(super) fn all(
    config: &Config,
    element: Option<usize>,
) -> impl Iterator<Item = &'static Handler> {
    let declaration = element.and_then(|index| config.elements().get(index));
    let (generic, class) = match declaration {
        Some(declaration) => (GENERIC, declaration.class.handlers),
        None => (ROOT, &[][..]),
    };
    generic.iter().chain(class)
}

pub(super) fn name_of(config: &Config, element: Option<usize>) -> String {
    let declaration = element.and_then(|index| config.elements().get(index));
    declaration.map_or_else(String::new, |declaration| declaration.name.clone())
}

pub(super) fn no_handler(config: &Config, element: Option<usize>, handler: &str) -> HandlerError {
    let names = all(config, element).map(|handler| handler.name);
    HandlerError::Handler {
        element: name_of(config, element),
        handler: quoted(handler),
        nearest: nearest(handler, names).map(Into::into),
    }
}

pub(super) fn no_element(config: &Config, name: &str) -> HandlerError {
    let elements = config.elements().iter();
    HandlerError::Element {
        name: quoted(name),
        nearest: nearest(name, elements.map(|e| e.name.as_str())).map(Into::into),
    }
}

impl Context<'_> {
    /// Reads a handler: `call` is its name, as [`HandlerName::parse`] understands it here, and
    /// behind a blank its parameters.
    ///
    /// # Errors
    /// There is no such handler, it cannot be read, or does not take the parameters.
    pub(crate) fn read_handler(&mut self, call: &str) -> Result<String, HandlerError> {
        let (name, parameters) = shift_word(call);
        let name = self.handler_name(name, |_| false)?;
        self.read_named(&name, parameters)
    }

    /// Writes to a handler: `call` is its name, as [`HandlerName::parse`] understands it here, and
    /// behind a blank the value.
    ///
    /// # Errors
    /// There is no such handler, it cannot be written, or does not take the value.
    pub(crate) fn write_handler(&mut self, call: &str) -> Result<(), HandlerError> {
        let (name, value) = shift_word(call);
        let name = self.handler_name(name, |_| false)?;
        self.write_named(&name, value)
    }

    /// The handler that a name means to the element that is called; `own` knows those of its handlers
    /// that its class does not have.
    pub(crate) fn handler_name(
        &self,
        text: &str,
        own: impl Fn(&str) -> bool,
    ) -> Result<HandlerName, HandlerError> {
        let config = &self.plan.config;
        let within = self.element;
        let has = |name: &str| {
            let of_class = |handler: &Handler| handler.name == name;
            let is_element = within < config.elements().len();
            is_element && (all(config, Some(within)).any(of_class) || own(name))
        };
        HandlerName::parse(config, within, text, has)
    }

    /// `element.handler`, or `handler` alone of the router.
    pub(crate) fn full_name(&self, name: &HandlerName) -> String {
        super::full_name(&self.name_of(name), &name.handler)
    }

    /// The value of a handler that every element has, for the element that is called.
    pub(crate) fn own_value(&self, element: &dyn Element, handler: &str) -> Option<String> {
        values::of_element(self.plan, self.element, Some(element), handler)
    }

    /// What is known about a handler of the element that is called.
    pub(crate) fn look_up_own(
        &self,
        element: &dyn Element,
        name: &HandlerName,
    ) -> Result<Handler<String>, HandlerError> {
        match element.own_handler(&name.handler) {
            Some(handler) => Ok(handler),
            None => of_class(&self.plan.config, name),
        }
    }

    /// Reads a handler. One of the element that is called is busy, like all that wait for it.
    ///
    /// # Errors
    /// There is no such handler, it cannot be read, or does not take the parameters.
    pub(crate) fn read_named(
        &mut self,
        name: &HandlerName,
        parameters: &str,
    ) -> Result<String, HandlerError> {
        let handler = self.look_up(name)?;
        let element = self.name_of(name);
        if !handler.readable {
            let handler = handler.name;
            return Err(HandlerError::NotReadable { element, handler });
        }
        if !parameters.is_empty() && !handler.parameters {
            let handler = handler.name;
            return Err(HandlerError::Parameters { element, handler });
        }
        let plan = self.plan;
        let Some(index) = name.element else {
            let value = values::of_router(plan, &handler.name);
            return value.ok_or_else(|| no_handler(&plan.config, None, &handler.name));
        };
        let read = self.call(index, |target, context| {
            match values::of_element(plan, index, Some(target), &handler.name) {
                Some(value) => Ok(value),
                None => target.read_in(&handler.name, parameters, context),
            }
        });
        self.control.woken = true;
        match read {
            None => Err(HandlerError::Busy(element)),
            Some(read) => read.map_err(|why| why.at(element, handler.name, parameters)),
        }
    }

    /// Writes to a handler. One of the element that is called is busy, like all that wait for it.
    ///
    /// # Errors
    /// There is no such handler, it cannot be written, or does not take the value.
    pub(crate) fn write_named(
        &mut self,
        name: &HandlerName,
        value: &str,
    ) -> Result<(), HandlerError> {
        let handler = self.look_up(name)?;
        let element = self.name_of(name);
        if !handler.writable {
            let handler = handler.name;
            return Err(HandlerError::NotWritable { element, handler });
        }
        let Some(index) = name.element else {
            // The only one that the router has.
            self.stop();
            return Ok(());
        };
        let written = self.call(index, |target, context| {
            target.write_in(&handler.name, value, context)
        });
        self.control.woken = true;
        match written {
            None => Err(HandlerError::Busy(element)),
            Some(written) => written.map_err(|why| why.at(element, handler.name, value)),
        }
    }

    /// What is known about a handler of another element, or of the router.
    ///
    /// # Errors
    /// There is no such handler.
    pub(crate) fn look_up(&self, name: &HandlerName) -> Result<Handler<String>, HandlerError> {
        let own = name.element.and_then(|index| self.elements.get(index));
        let own = own.and_then(|element| element.as_ref()?.own_handler(&name.handler));
        match own {
            Some(handler) => Ok(handler),
            None => of_class(&self.plan.config, name),
        }
    }

    fn name_of(&self, name: &HandlerName) -> String {
        name_of(&self.plan.config, name.element)
    }
}

impl Refusal {
    fn at(self, element: String, handler: String, value: &str) -> HandlerError {
        match self {
            Self::Value => HandlerError::Value {
                element,
                handler,
                value: quoted(value),
            },
            Self::Because(reason) => HandlerError::Refused {
                element,
                handler,
                reason,
            },
        }
    }
}
