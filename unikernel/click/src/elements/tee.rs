//! Tee.

use alloc::boxed::Box;

use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::HostError;
use crate::language::Arguments;
use crate::packet::{Batch, Packet};

manual! {
    /// Sends a copy of each packet to every output.
    ///
    /// # Configuration
    /// `Tee([N])`
    /// - N: how many outputs there must be.
    ///
    /// # Ports
    /// One push input, any number of push outputs.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> t :: Tee(2);
    /// t [0] -> Discard; t [1] -> Discard;
    /// ```
    pub(crate) struct Tee {
        outputs: usize,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "Tee",
    manual: Tee::MANUAL,
    inputs: Side::exactly(1, Processing::Push),
    outputs: Side::at_least(1, Processing::Push),
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
    Ok(Box::new(Tee { outputs }))
}

impl Element for Tee {
    fn push(
        &mut self,
        _: usize,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        // The last one gets the packet itself.
        let last = self.outputs.saturating_sub(1);
        for output in 0..last {
            let copy = context.copy(&packet);
            context.push(output, copy);
        }
        context.push(last, packet);
        Ok(())
    }

    fn push_batch(
        &mut self,
        input: usize,
        mut batch: Batch,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        if context.outputs_apart().is_none() {
            for packet in batch.drain(..) {
                self.push(input, packet, context)?;
            }
            context.give_batch(batch);
            return Ok(());
        }
        let last = self.outputs.saturating_sub(1);
        for output in 0..last {
            let mut copies = context.batch();
            copies.extend(batch.iter().map(|packet| context.copy(packet)));
            context.push_batch(output, copies);
        }
        context.push_batch(last, batch);
        Ok(())
    }

    fn takes_batches(&self) -> bool {
        true
    }
}
