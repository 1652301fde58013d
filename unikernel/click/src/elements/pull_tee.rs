//! PullTee.

use alloc::boxed::Box;

use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::HostError;
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// Gives each packet to who pulls, and pushes a copy of it to every other output.
    ///
    /// # Configuration
    /// `PullTee([N])`
    /// - N: how many outputs there must be.
    ///
    /// # Ports
    /// One pull input; one pull output and any number of push outputs behind it.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5) -> Queue -> t :: PullTee -> Unqueue -> Discard; t [1] -> Discard;
    /// ```
    pub(crate) struct PullTee {
        outputs: usize,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "PullTee",
    manual: PullTee::MANUAL,
    inputs: Side::exactly(1, Processing::Pull),
    outputs: Side::at_least(1, Processing::Pull).then(Processing::Push),
    keywords: &["N"],
    handlers: &[],
    configure,
};

fn configure(
    arguments: &mut Arguments<'_>,
    outputs: usize,
) -> Result<Box<dyn Element>, ConfigError> {
    if let Some(value) = arguments.positional("N")?
        && usize::try_from(value.unsigned()?) != Ok(outputs)
    {
        return Err(value.refuse("the number of connected outputs"));
    }
    Ok(Box::new(PullTee { outputs }))
}

impl Element for PullTee {
    fn push(&mut self, _: usize, _: Packet, _: &mut Context<'_>) -> Result<(), HostError> {
        Ok(())
    }

    fn pull(&mut self, _: usize, context: &mut Context<'_>) -> Result<Option<Packet>, HostError> {
        let packet = context.pull(0)?;
        if let Some(packet) = &packet {
            for output in 1..self.outputs {
                context.push(output, packet.clone());
            }
        }
        Ok(packet)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{MemoryHost, run};

    #[test]
    fn every_output_gets_each_packet() {
        let mut host = MemoryHost::new(&[b"a", b"b"]);
        let text = "FromDump(in.pcap) -> Queue -> t :: PullTee(3) -> ToDump(zero);
            t [1] -> ToDump(one); t [2] -> ToDump(two)";
        run(text, &mut host);
        for name in ["zero", "one", "two"] {
            assert_eq!(host.written(name), [b"a", b"b"], "{name}");
        }
    }
}
