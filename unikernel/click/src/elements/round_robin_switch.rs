//! RoundRobinSwitch.

use alloc::boxed::Box;

use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::in_place::{InPlace, in_place};
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// Deals packets out to its outputs, one after the other.
    ///
    /// # Configuration
    /// `RoundRobinSwitch()`
    ///
    /// # Ports
    /// One push input, any number of push outputs.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> r :: RoundRobinSwitch;
    /// r [0] -> Discard; r [1] -> Discard;
    /// ```
    pub(crate) struct RoundRobinSwitch {
        outputs: usize,
        next: usize,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "RoundRobinSwitch",
    manual: RoundRobinSwitch::MANUAL,
    inputs: Side::exactly(1, Processing::Push),
    outputs: Side::at_least(1, Processing::Push),
    keywords: &[],
    handlers: &[],
    configure,
};

fn configure(_: &mut Arguments<'_>, outputs: usize) -> Result<Box<dyn Element>, ConfigError> {
    Ok(Box::new(RoundRobinSwitch { outputs, next: 0 }))
}

impl InPlace for RoundRobinSwitch {
    fn handle(&mut self, _: usize, _: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        let output = self.next;
        self.next = self.next.saturating_add(1);
        if self.next >= self.outputs {
            self.next = 0;
        }
        Some(output)
    }
}

impl Element for RoundRobinSwitch {
    in_place!();
}
