//! Switch and StaticSwitch.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::in_place::{InPlace, in_place};
use crate::language::{Arguments, parse_limit};
use crate::packet::Packet;

manual! {
    /// Sends all packets to one output, which can be changed while packets flow.
    ///
    /// `StaticSwitch` is the same without the handler.
    ///
    /// # Configuration
    /// `Switch([OUTPUT])`
    /// - OUTPUT: the output; 0 by default. A negative one, or one that there is not, drops all.
    ///
    /// # Ports
    /// One push input, any number of push outputs.
    ///
    /// # Handlers
    /// - `switch` (read, write): OUTPUT.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> s :: Switch(1);
    /// s [0] -> Discard; s [1] -> Discard; InfiniteSource(LIMIT 1) -> t :: StaticSwitch(0) -> Discard;
    /// ```
    pub(crate) struct Switch {
        output: Option<usize>,
        outputs: usize,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "Switch",
    manual: Switch::MANUAL,
    inputs: Side::exactly(1, Processing::Push),
    outputs: Side::at_least(1, Processing::Push),
    keywords: &["OUTPUT"],
    handlers: &[Handler::read_write("switch")],
    configure,
};

/// The class whose output stays.
pub(crate) const STATIC: ElementClass = ElementClass {
    name: "StaticSwitch",
    handlers: &[],
    ..CLASS
};

fn configure(
    arguments: &mut Arguments<'_>,
    outputs: usize,
) -> Result<Box<dyn Element>, ConfigError> {
    let output = match arguments.positional("OUTPUT")? {
        Some(value) => value.limit()?,
        None => Some(0),
    };
    Ok(Box::new(Switch {
        output: existing(output, outputs),
        outputs,
    }))
}

/// The output, if there is one of this number.
fn existing(output: Option<u64>, outputs: usize) -> Option<usize> {
    let output = usize::try_from(output?).ok();
    output.filter(|output| *output < outputs)
}

impl InPlace for Switch {
    fn handle(&mut self, _: usize, _: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        self.output
    }
}

impl Element for Switch {
    in_place!();

    fn read(&self, handler: &str) -> Option<String> {
        let number = || {
            self.output
                .map_or_else(|| "-1".into(), |output| format!("{output}"))
        };
        (handler == "switch").then(number)
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        if handler != "switch" {
            return None;
        }
        self.output = existing(parse_limit(value)?, self.outputs);
        Some(())
    }
}
