//! Message and Error.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::Side;
use crate::host::HostError;
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// Says something when the router starts.
    ///
    /// `Error` is a Message of the type `ERROR` whose text may be left out.
    ///
    /// # Configuration
    /// `Message(MESSAGE, [TYPE])`
    /// - MESSAGE: the text.
    /// - TYPE: `MESSAGE`, the default, `WARNING`, or `ERROR`, with which the router does not start.
    ///
    /// # Ports
    /// None.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// elementclass Old { Error("not for new routers") }
    /// Message("a router"); Message("an old one", WARNING); Idle -> Discard;
    /// ```
    pub(crate) struct Message {
        text: String,
        kind: Kind,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Message,
    Warning,
    Error,
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "Message",
    manual: Message::MANUAL,
    inputs: Side::NONE,
    outputs: Side::NONE,
    keywords: &["MESSAGE", "TYPE"],
    handlers: &[],
    configure,
};

/// The class of what must not be there.
pub(crate) const ERROR: ElementClass = ElementClass {
    name: "Error",
    configure: |arguments, _| {
        // As in Click, whatever is written there.
        let text = arguments.every();
        let text = text.first().map_or(Ok(String::new()), |text| text.string());
        Ok(Box::new(Message {
            text: text.unwrap_or_default(),
            kind: Kind::Error,
        }))
    },
    ..CLASS
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let text = arguments.mandatory("MESSAGE")?.string()?;
    let kind = match arguments.positional("TYPE")? {
        None => Kind::Message,
        Some(value) => match value.text() {
            "MESSAGE" => Kind::Message,
            "WARNING" => Kind::Warning,
            "ERROR" => Kind::Error,
            _ => return Err(value.refuse("MESSAGE, WARNING or ERROR")),
        },
    };
    Ok(Box::new(Message { text, kind }))
}

impl Element for Message {
    fn start(&mut self, context: &mut Context<'_>) -> Result<(), String> {
        match self.kind {
            Kind::Message => context.host.message(&self.text),
            Kind::Warning => context.host.message(&format!("warning: {}", self.text)),
            Kind::Error if self.text.is_empty() => {
                return Err("the configuration says that it is wrong".into());
            }
            Kind::Error => return Err(self.text.clone()),
        }
        Ok(())
    }

    fn push(&mut self, _: usize, _: Packet, _: &mut Context<'_>) -> Result<(), HostError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{MemoryHost, router};

    #[test]
    fn messages_are_said_and_errors_stop_the_router() {
        let mut host = MemoryHost::new(&[]);
        router("Message(\"a b\"); Message(c, WARNING)", &mut host).unwrap();
        assert_eq!(host.messages, ["a b", "warning: c"]);
        for (text, message) in [
            ("Message(no, ERROR)", "no"),
            ("Error(\"so not\")", "so not"),
            ("Error", "the configuration says that it is wrong"),
        ] {
            let error = router(text, &mut MemoryHost::new(&[])).unwrap_err();
            assert!(error.contains(&alloc::format!(": {message}\n")), "{error}");
        }
    }
}
