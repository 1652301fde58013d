//! Idle.

use alloc::boxed::Box;

use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::HostError;
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// Drops what is pushed to it, and never has a packet for who pulls.
    ///
    /// It keeps ports occupied for which there is no other use.
    ///
    /// # Configuration
    /// `Idle()`
    ///
    /// # Ports
    /// Any number of agnostic inputs, any number of agnostic outputs; each is what it is connected to.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// Idle -> Discard; InfiniteSource(LIMIT 5, STOP true) -> Idle;
    /// ```
    pub(crate) struct Idle {}
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "Idle",
    manual: Idle::MANUAL,
    inputs: Side::at_least(0, Processing::Agnostic).untied(),
    outputs: Side::at_least(0, Processing::Agnostic).untied(),
    keywords: &[],
    handlers: &[],
    configure,
};

fn configure(_: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    Ok(Box::new(Idle {}))
}

impl Element for Idle {
    fn push(&mut self, _: usize, _: Packet, _: &mut Context<'_>) -> Result<(), HostError> {
        Ok(())
    }

    fn pull(&mut self, _: usize, _: &mut Context<'_>) -> Result<Option<Packet>, HostError> {
        Ok(None)
    }
}
