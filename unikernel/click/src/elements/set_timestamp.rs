//! SetTimestamp.

use alloc::boxed::Box;

use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::in_place::{InPlace, in_place};
use crate::language::{Arguments, Value};
use crate::packet::Packet;

manual! {
    /// Gives packets the time at which they pass, or another one.
    ///
    /// # Configuration
    /// `SetTimestamp([TIMESTAMP])`
    /// - TIMESTAMP: the time, in seconds since 1970; what the clock says by default.
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> SetTimestamp(1000) -> Discard;
    /// ```
    pub(crate) struct SetTimestamp {
        time_ns: Option<u64>,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "SetTimestamp",
    manual: SetTimestamp::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &["TIMESTAMP"],
    handlers: &[],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let time = arguments.positional("TIMESTAMP")?;
    Ok(Box::new(SetTimestamp {
        time_ns: time.map(Value::interval_ns).transpose()?,
    }))
}

impl InPlace for SetTimestamp {
    fn handle(
        &mut self,
        _: usize,
        packet: &mut Packet,
        context: &mut Context<'_>,
    ) -> Option<usize> {
        let time = self.time_ns.unwrap_or_else(|| context.host.clock_ns());
        packet.annotations.rx_time_ns = time;
        Some(0)
    }
}

impl Element for SetTimestamp {
    in_place!();
}
