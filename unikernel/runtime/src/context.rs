//! One run's copy of the context.

use core::mem::offset_of;
use core::ops::Range;

use platform_click::{Access, CONTEXT, CONTEXT_SIZE, PacketContext};

use crate::packet::Annotations;

/// The context as a program sees it, little-endian.
#[derive(Debug)]
pub(crate) struct Context {
    bytes: [u8; CONTEXT_SIZE],
}

/// Where the fields lie that are written here.
const DATA: Range<usize> = place(offset_of!(PacketContext, data), 8);
const DATA_END: Range<usize> = place(offset_of!(PacketContext, data_end), 8);
const PORT: Range<usize> = place(offset_of!(PacketContext, port), 4);
const MARK: Range<usize> = place(offset_of!(PacketContext, mark), 4);
const RX_TIME_NS: Range<usize> = place(offset_of!(PacketContext, rx_time_ns), 8);
const DELAY_NS: Range<usize> = place(offset_of!(PacketContext, delay_ns), 8);

const fn place(offset: usize, size: usize) -> Range<usize> {
    offset..offset.saturating_add(size)
}

/// The fields before `port` are those that only the runtime writes.
const _: () = {
    let mut fields = CONTEXT;
    while let [field, rest @ ..] = fields {
        let runtime_only = matches!(field.access, Access::PacketStart | Access::PacketEnd);
        assert!(runtime_only == (field.offset < PORT.start));
        fields = rest;
    }
};

impl Context {
    /// The context of a packet with these annotations; [`Self::set_packet`] says where it lies.
    pub(crate) fn new(annotations: &Annotations) -> Self {
        let mut context = Self {
            bytes: [0; CONTEXT_SIZE],
        };
        // Exhaustive: an annotation added there must be thought of here.
        let Annotations {
            port,
            mark,
            rx_time_ns,
            delay_ns,
        } = *annotations;
        context.put(PORT, &port.to_le_bytes());
        context.put(MARK, &mark.to_le_bytes());
        context.put(RX_TIME_NS, &rx_time_ns.to_le_bytes());
        context.put(DELAY_NS, &delay_ns.to_le_bytes());
        context
    }

    /// Sets `data` and `data_end`.
    pub(crate) fn set_packet(&mut self, start: u64, end: u64) {
        self.put(DATA, &start.to_le_bytes());
        self.put(DATA_END, &end.to_le_bytes());
    }

    /// Copies the fields back that a program may change for good.
    pub(crate) fn read_back(&self, annotations: &mut Annotations) {
        if let Some(mark) = self.get(MARK) {
            annotations.mark = u32::from_le_bytes(mark);
        }
        if let Some(delay_ns) = self.get(DELAY_NS) {
            annotations.delay_ns = u64::from_le_bytes(delay_ns);
        }
    }

    pub(crate) const fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) const fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Whether a store that starts at `offset` touches what only the runtime writes.
    pub(crate) const fn is_read_only(offset: usize) -> bool {
        offset < PORT.start
    }

    fn put(&mut self, place: Range<usize>, value: &[u8]) {
        if let Some(bytes) = self.bytes.get_mut(place) {
            bytes.copy_from_slice(value);
        }
    }

    fn get<const N: usize>(&self, place: Range<usize>) -> Option<[u8; N]> {
        self.bytes.get(place)?.try_into().ok()
    }
}
