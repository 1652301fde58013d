//! PullSwitch and StaticPullSwitch.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::HostError;
use crate::language::{Arguments, parse_limit};
use crate::packet::Packet;

manual! {
    /// Pulls all packets from one input, which can be changed while packets flow.
    ///
    /// `StaticPullSwitch` is the same without the handler.
    ///
    /// # Configuration
    /// `PullSwitch([INPUT])`
    /// - INPUT: the input; 0 by default. With a negative one, or one that there is not, there are no
    ///   packets.
    ///
    /// # Ports
    /// Any number of pull inputs, one pull output.
    ///
    /// # Handlers
    /// - `switch` (read, write): INPUT.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5) -> Queue -> s :: PullSwitch -> Unqueue -> Discard; Idle -> [1] s;
    /// Idle -> StaticPullSwitch(0) -> Discard;
    /// ```
    pub(crate) struct PullSwitch {
        input: Option<usize>,
        inputs: usize,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "PullSwitch",
    manual: PullSwitch::MANUAL,
    inputs: Side::at_least(1, Processing::Pull),
    outputs: Side::exactly(1, Processing::Pull),
    keywords: &["INPUT"],
    handlers: &[Handler::read_write("switch")],
    configure,
};

/// The class whose input stays.
pub(crate) const STATIC: ElementClass = ElementClass {
    name: "StaticPullSwitch",
    handlers: &[],
    ..CLASS
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let input = match arguments.positional("INPUT")? {
        Some(value) => value.limit()?,
        None => Some(0),
    };
    let inputs = arguments.inputs();
    Ok(Box::new(PullSwitch {
        input: existing(input, inputs),
        inputs,
    }))
}

/// The input, if there is one of this number.
fn existing(input: Option<u64>, inputs: usize) -> Option<usize> {
    let input = usize::try_from(input?).ok();
    input.filter(|input| *input < inputs)
}

impl Element for PullSwitch {
    fn push(&mut self, _: usize, _: Packet, _: &mut Context<'_>) -> Result<(), HostError> {
        Ok(())
    }

    fn pull(&mut self, _: usize, context: &mut Context<'_>) -> Result<Option<Packet>, HostError> {
        self.input.map_or(Ok(None), |input| context.pull(input))
    }

    fn read(&self, handler: &str) -> Option<String> {
        let number = || {
            self.input
                .map_or_else(|| "-1".into(), |input| format!("{input}"))
        };
        (handler == "switch").then(number)
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        (handler == "switch").then_some(())?;
        self.input = existing(parse_limit(value)?, self.inputs);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{MemoryHost, router};

    #[test]
    fn packets_come_from_one_input() {
        let mut host = MemoryHost::new(&[]);
        let text = "InfiniteSource(LIMIT 3) -> a :: Queue -> s :: PullSwitch(-1) -> c :: Counter -> Discard;
            InfiniteSource(LIMIT 2) -> b :: Queue -> [1] s";
        let mut router = router(text, &mut host).unwrap();
        for (input, count) in [("-1", "0"), ("1", "2"), ("7", "2"), ("0", "5")] {
            router.write_handler("s.switch", input).unwrap();
            router.run(&mut host, || false).unwrap();
            assert_eq!(router.read_handler("c.count").unwrap(), count, "{input}");
        }
        assert!(router.write_handler("s.switch", "x").is_err());
    }
}
