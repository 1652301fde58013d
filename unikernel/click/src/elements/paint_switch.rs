//! PaintSwitch.

use alloc::boxed::Box;

use bpf_runtime::Notes;

use super::annotation;
use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::HostError;
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// Sends packets to the output whose number is their colour.
    ///
    /// A packet of colour 255 goes to all outputs; one of a colour for which there is no output is dropped.
    ///
    /// # Configuration
    /// `PaintSwitch([ANNO])`
    /// - ANNO: the annotation, a byte, that the colour is in. PAINT by default.
    ///
    /// # Ports
    /// One push input, any number of push outputs.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> Paint(1) -> p :: PaintSwitch;
    /// p [0] -> Discard; p [1] -> Discard;
    /// ```
    pub(crate) struct PaintSwitch {
        annotation: usize,
        outputs: usize,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "PaintSwitch",
    manual: PaintSwitch::MANUAL,
    inputs: Side::exactly(1, Processing::Push),
    outputs: Side::at_least(1, Processing::Push),
    keywords: &["ANNO"],
    handlers: &[],
    configure,
};

fn configure(
    arguments: &mut Arguments<'_>,
    outputs: usize,
) -> Result<Box<dyn Element>, ConfigError> {
    Ok(Box::new(PaintSwitch {
        annotation: annotation::argument(arguments, 1, Notes::PAINT)?,
        outputs,
    }))
}

/// The colour of packets for everybody.
const ALL: usize = 255;

impl Element for PaintSwitch {
    fn push(
        &mut self,
        _: usize,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        match packet.notes.byte(self.annotation).map(usize::from) {
            Some(ALL) => (0..self.outputs).for_each(|output| context.push(output, packet.clone())),
            Some(output) if output < self.outputs => context.push(output, packet),
            _ => {}
        }
        Ok(())
    }
}
