//! Numbers, bytes and places as a person reads them.

use bpf_object::Image;
use bpf_runtime::{Addresses, Fault, Region};
use platform_click::limits::{MAX_CALL_FRAMES, STACK_FRAME_SIZE};

/// Bytes of a key, value or record that are shown; a value may have 64 KiB.
const MAX_BYTES: usize = 64;

/// Names what a program's numbers mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names<'a> {
    image: &'a Image,
    addresses: Addresses,
}

impl<'a> Names<'a> {
    pub(super) const fn new(image: &'a Image, addresses: Addresses) -> Self {
        Self { image, addresses }
    }

    /// A register's value: a place, if it is an address, or a number.
    pub(super) fn value(&self, value: u64) -> String {
        match self.place(value) {
            Some(place) => place,
            None => number(value),
        }
    }

    /// The place that an address is.
    pub(super) fn place(&self, address: u64) -> Option<String> {
        let (region, offset) = self.addresses.locate(address)?;
        Some(match region {
            Region::Stack => {
                // The frames lie below each other, the entry function's on top.
                let top = STACK_FRAME_SIZE.saturating_mul(MAX_CALL_FRAMES);
                let top = i64::try_from(top).unwrap_or(i64::MAX);
                with_offset("stack", offset.saturating_sub(top))
            }
            Region::Context => with_offset("context", offset),
            Region::Packet => with_offset("packet", offset),
            Region::Data { section } => {
                let data = self.image.data().get(usize::try_from(section).ok()?);
                with_offset(data.map_or("data", |data| data.name.as_str()), offset)
            }
            Region::Map { map } => format!("map {}", self.map(map)),
            Region::MapValue { map } => with_offset(&format!("value of {}", self.map(map)), offset),
            other => with_offset(&other.to_string(), offset),
        })
    }

    /// The name of the map with this index.
    pub(super) fn map(&self, map: u32) -> &'a str {
        let index = usize::try_from(map).ok();
        let map = index.and_then(|index| self.image.maps().get(index));
        map.map_or("?", |map| map.name.as_str())
    }
}

fn with_offset(name: &str, offset: i64) -> String {
    match offset {
        0 => name.into(),
        offset => format!("{name}{offset:+}"),
    }
}

/// A number in decimal, and in hexadecimal if that says more; small negative ones as such.
pub(super) fn number(value: u64) -> String {
    let signed = value.cast_signed();
    match value {
        0..=9 => value.to_string(),
        _ if (-4096..0).contains(&signed) => signed.to_string(),
        _ => format!("{value} ({value:#x})"),
    }
}

/// Bytes in hexadecimal.
pub(super) fn bytes(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".into();
    }
    let shown = bytes.iter().take(MAX_BYTES);
    let mut text: String = shown.map(|byte| format!("{byte:02x}")).collect();
    if bytes.len() > MAX_BYTES {
        text.push_str(&format!("... ({} bytes)", bytes.len()));
    }
    text
}

/// A text that a program printed, on one line: nothing in it looks like another message.
pub(crate) fn printed(text: &str) -> String {
    text.trim_end_matches('\n').escape_debug().collect()
}

/// What stopped a program, with its place in the source.
pub(super) fn fault(image: &Image, fault: &Fault) -> String {
    match image.lines().get(fault.slot) {
        Some(line) => format!("{}:{}: {fault}", line.file, line.line),
        None => fault.to_string(),
    }
}
