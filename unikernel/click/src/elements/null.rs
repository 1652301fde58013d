//! Null.

use alloc::boxed::Box;

use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::in_place::{InPlace, in_place};
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// Passes packets on unchanged.
    ///
    /// The ports of `PushNull` push, those of `PullNull` pull.
    ///
    /// # Configuration
    /// `Null()`
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5) -> Null -> PushNull -> Queue -> PullNull -> Discard;
    /// ```
    pub(crate) struct Null {}
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "Null",
    manual: Null::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &[],
    handlers: &[],
    configure,
};

/// The class whose ports push.
pub(crate) const PUSH: ElementClass = ElementClass {
    name: "PushNull",
    inputs: Side::exactly(1, Processing::Push),
    outputs: Side::exactly(1, Processing::Push),
    ..CLASS
};

/// The class whose ports pull.
pub(crate) const PULL: ElementClass = ElementClass {
    name: "PullNull",
    inputs: Side::exactly(1, Processing::Pull),
    outputs: Side::exactly(1, Processing::Pull),
    ..CLASS
};

fn configure(_: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    Ok(Box::new(Null {}))
}

impl InPlace for Null {
    fn handle(&mut self, _: usize, _: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        Some(0)
    }
}

impl Element for Null {
    in_place!();
}
