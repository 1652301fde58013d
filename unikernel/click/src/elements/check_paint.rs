//! CheckPaint.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use bpf_runtime::Notes;

use super::annotation;
use super::paint::{parse_color, read_color};
use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::in_place::{InPlace, in_place};
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// Lets packets of one colour pass.
    ///
    /// # Configuration
    /// `CheckPaint(COLOR [, ANNO])`
    /// - COLOR: the colour.
    /// - ANNO: the annotation, a byte, that the colour is in. PAINT by default.
    ///
    /// # Ports
    /// One agnostic input. The first output is agnostic; a second one, push, gets what would be
    /// dropped otherwise.
    ///
    /// # Handlers
    /// - `color` (read, write): COLOR.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> Paint(1) -> CheckPaint(1) -> Discard;
    /// ```
    pub(crate) struct CheckPaint {
        color: u8,
        annotation: usize,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "CheckPaint",
    manual: CheckPaint::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::between(1, 2, Processing::Agnostic).then(Processing::Push),
    keywords: &["COLOR", "ANNO"],
    handlers: &[Handler::read_write("color")],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let color = arguments.mandatory("COLOR")?;
    Ok(Box::new(CheckPaint {
        color: read_color(color)?,
        annotation: annotation::argument(arguments, 1, Notes::PAINT)?,
    }))
}

impl InPlace for CheckPaint {
    fn handle(&mut self, _: usize, packet: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        let other = packet.notes.byte(self.annotation) != Some(self.color);
        Some(usize::from(other))
    }
}

impl Element for CheckPaint {
    in_place!();

    fn read(&self, handler: &str) -> Option<String> {
        (handler == "color").then(|| format!("{}", self.color))
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        if handler != "color" {
            return None;
        }
        self.color = parse_color(value)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{MemoryHost, run};

    #[test]
    fn colours_lead_the_way() {
        let mut host = MemoryHost::new(&[b"x"]);
        run(
            "FromDump(in.pcap) -> t :: Tee(3);
            t [0] -> Paint(1) -> s :: PaintSwitch;
            t [1] -> Paint(255) -> s; t [2] -> Paint(7) -> s;
            s [0] -> ToDump(zero); s [1] -> e :: PaintTee(255) -> c :: CheckPaint(1) -> ToDump(one);
            e [1] -> ToDump(tee); c [1] -> ToDump(other)",
            &mut host,
        );
        let counts = ["zero", "one", "tee", "other"].map(|name| host.written(name).len());
        assert_eq!(counts, [1, 1, 1, 1]);
    }
}
