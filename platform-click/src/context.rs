//! The context: what a program finds behind `r1` when it starts.

use core::mem::{offset_of, size_of};

/// Who may touch a field of the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A pointer to the packet's first byte; only the runtime writes it.
    PacketStart,
    /// A pointer behind the packet's last byte; only the runtime writes it.
    PacketEnd,
    /// A number for the program to read. Stores to it are harmless: each run has its own copy,
    /// and nothing is read back.
    Read,
    /// A number that is read back into the packet's annotations after the run.
    ReadWrite,
}

impl Access {
    /// Its name in the canonical text of the platform.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PacketStart => "packet-start",
            Self::PacketEnd => "packet-end",
            Self::Read => "read",
            Self::ReadWrite => "read-write",
        }
    }
}

/// One field of the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextField {
    /// Its name in C.
    pub name: &'static str,
    /// Its type in C.
    pub c_type: &'static str,
    /// Offset in bytes from the start of the context.
    pub offset: usize,
    /// Size in bytes.
    pub size: usize,
    /// Who may touch it.
    pub access: Access,
    /// What it holds.
    pub doc: &'static str,
}

/// Size of the context in bytes.
pub const CONTEXT_SIZE: usize = 40;

/// Defines [`PacketContext`] and [`CONTEXT`] from one list.
macro_rules! context {
    ($( #[doc = $doc:literal] $name:ident: $ty:ident $c_type:literal $access:ident; )*) => {
        /// The context as it lies in memory, little-endian, without padding.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[repr(C)]
        pub struct PacketContext { $( #[doc = $doc] pub $name: $ty, )* }

        /// The fields of the context, in order of their offset.
        pub const CONTEXT: &[ContextField] = &[ $( ContextField {
            name: stringify!($name),
            c_type: $c_type,
            offset: offset_of!(PacketContext, $name),
            size: size_of::<$ty>(),
            access: Access::$access,
            doc: $doc,
        }, )* ];
    };
}

context! {
    /// The packet's first byte.
    data: u64 "__u64" PacketStart;
    /// Behind the packet's last byte.
    data_end: u64 "__u64" PacketEnd;
    /// The input port that the packet came through.
    port: u32 "__u32" Read;
    /// A mark that elements hand on.
    mark: u32 "__u32" ReadWrite;
    /// When the packet was received, in nanoseconds.
    rx_time_ns: u64 "__u64" Read;
    /// How long the packet is to be delayed, in nanoseconds.
    delay_ns: u64 "__u64" ReadWrite;
}

// The verifier derives the width of a packet pointer from `data_end - data`; the two are adjacent.
const _: () = assert!(size_of::<PacketContext>() == CONTEXT_SIZE);
const _: () =
    assert!(offset_of!(PacketContext, data) == 0 && offset_of!(PacketContext, data_end) == 8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_follow_each_other_without_padding() {
        let end = CONTEXT.iter().fold(0, |offset, field| {
            assert_eq!(field.offset, offset, "{}", field.name);
            offset + field.size
        });
        assert_eq!(end, CONTEXT_SIZE);
    }
}
