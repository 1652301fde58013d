//! Helpers: the functions of the platform that a program may call.

use crate::{KindSet, MapUse, ProgramKind};

/// What a helper takes in one argument register; what the verifier has to prove of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    /// A map of the object with keys, as loaded by a relocated wide load.
    Map,
    /// A queue or stack of the object, in the same way.
    Queue,
    /// A ring buffer of the object, in the same way.
    RingBuffer,
    /// Initialised memory of the map's key size.
    MapKey,
    /// Initialised memory of the map's value size.
    MapValue,
    /// Memory of the map's value size that the helper overwrites, whatever it returns; it need not be
    /// initialised.
    MapValueOut,
    /// Initialised memory; its length in bytes is the next argument.
    ReadableMemory,
    /// The same, or null if that length is zero.
    OptionalMemory,
    /// The length in bytes of the memory in the argument before; greater than zero.
    MemorySize,
    /// The length in bytes of the memory in the argument before, which may be zero.
    MemorySizeOrZero,
    /// Any number.
    Scalar,
    /// A number, or nothing if the text in the first argument prints fewer.
    Printed,
}

impl ArgKind {
    /// Its name in the canonical text of the platform.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Queue => "queue",
            Self::RingBuffer => "ring-buffer",
            Self::MapKey => "map-key",
            Self::MapValue => "map-value",
            Self::MapValueOut => "map-value-out",
            Self::ReadableMemory => "readable-memory",
            Self::OptionalMemory => "optional-memory",
            Self::MemorySize => "memory-size",
            Self::MemorySizeOrZero => "memory-size-or-zero",
            Self::Scalar => "scalar",
            Self::Printed => "printed",
        }
    }

    /// The use of maps that it stands for, if it is a map.
    #[must_use]
    pub const fn map_use(self) -> Option<MapUse> {
        match self {
            Self::Map => Some(MapUse::Keyed),
            Self::Queue => Some(MapUse::Queue),
            Self::RingBuffer => Some(MapUse::Ring),
            _ => None,
        }
    }

    /// Whether it is memory whose length is the next argument.
    #[must_use]
    pub const fn is_sized_memory(self) -> bool {
        matches!(self, Self::ReadableMemory | Self::OptionalMemory)
    }

    /// Whether it is the length of the memory in the argument before.
    #[must_use]
    pub const fn is_size(self) -> bool {
        matches!(self, Self::MemorySize | Self::MemorySizeOrZero)
    }
}

/// One argument of a helper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arg {
    /// What has to be proved.
    pub kind: ArgKind,
    /// Its declaration in the C header, without a comma; empty where `...` before it says it all.
    pub c: &'static str,
}

/// What a helper leaves in `r0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnKind {
    /// A number.
    Integer,
    /// A pointer to a value of the map in `r1`, or null.
    MapValueOrNull,
}

impl ReturnKind {
    /// Its name in the canonical text of the platform.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::MapValueOrNull => "map-value-or-null",
        }
    }
}

/// The prototype of a helper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HelperSpec {
    /// The immediate of the call instruction; a number of Linux, except 60, which is the platform's
    /// own.
    pub id: u32,
    /// Its name in C.
    pub name: &'static str,
    /// Its return type in C.
    pub c_return: &'static str,
    /// Its arguments, `r1` first; at most five.
    pub args: &'static [Arg],
    /// What it leaves in `r0`.
    pub ret: ReturnKind,
    /// Whether it may move the packet: every pointer into the packet is invalid after the call.
    pub reallocates_packet: bool,
    /// The kinds of program that may call it.
    pub kinds: KindSet,
    /// What it does, for the header and the documentation.
    pub doc: &'static str,
}

/// Defines [`HelperId`] and [`HelperId::spec`] from one list.
macro_rules! helpers {
    ($(
        #[doc = $doc:literal]
        $variant:ident = $id:literal, $c_return:literal $name:literal ($( $kind:ident $c:literal ),*) -> $ret:ident,
        moves_packet: $moves:literal, kinds: $kinds:expr;
    )*) => {
        /// A helper of the platform. The runtime matches on it exhaustively: a helper added here
        /// does not build until it is implemented.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u32)]
        pub enum HelperId { $( #[doc = $doc] $variant = $id, )* }

        impl HelperId {
            /// Every helper, in ascending order of its number.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// The helper that a call instruction with immediate `number` calls.
            #[must_use]
            pub const fn from_number(number: u32) -> Option<Self> {
                match number { $( $id => Some(Self::$variant), )* _ => None }
            }

            /// Its prototype.
            #[must_use]
            pub const fn spec(self) -> HelperSpec {
                match self { $(
                    Self::$variant => HelperSpec {
                        id: $id,
                        name: $name,
                        c_return: $c_return,
                        args: &[ $( Arg { kind: ArgKind::$kind, c: $c } ),* ],
                        ret: ReturnKind::$ret,
                        reallocates_packet: $moves,
                        kinds: $kinds,
                        doc: $doc,
                    },
                )* }
            }
        }
    };
}

helpers! {
    /// Returns the value that `map` holds for `key`, or null. The value stays valid until the program ends.
    MapLookupElem = 1, "void *" "bpf_map_lookup_elem" (Map "void *map", MapKey "const void *key") -> MapValueOrNull,
        moves_packet: false, kinds: KindSet::ALL;
    /// Sets the value of `key`. `flags`: 0 create or replace, 1 create only, 2 replace only. Returns 0 or a negative errno: -7 full or index out of range, -17 exists, -2 absent, -22 unknown flags.
    MapUpdateElem = 2, "long" "bpf_map_update_elem" (Map "void *map", MapKey "const void *key", MapValue "const void *value", Scalar "__u64 flags") -> Integer,
        moves_packet: false, kinds: KindSet::ALL;
    /// Deletes `key`. Returns 0 or a negative errno: -2 absent, -22 for an array.
    MapDeleteElem = 3, "long" "bpf_map_delete_elem" (Map "void *map", MapKey "const void *key") -> Integer,
        moves_packet: false, kinds: KindSet::ALL;
    /// Returns nanoseconds of a monotonic clock.
    KtimeGetNs = 5, "__u64" "bpf_ktime_get_ns" () -> Integer,
        moves_packet: false, kinds: KindSet::ALL;
    /// Prints `fmt` (of `fmt_size` bytes, its terminating zero included) with up to three numbers: %d %u %x %ld %lu %lx %lld %llu %llx. `bpf_printk` takes the size off the text. Returns the number of bytes printed, or -22 if there is anything else in the text.
    TracePrintk = 6, "long" "bpf_trace_printk" (ReadableMemory "const char *fmt", MemorySize "__u32 fmt_size", Printed "...", Printed "", Printed "") -> Integer,
        moves_packet: false, kinds: KindSet::ALL;
    /// Returns a pseudo-random number; not for secrets.
    GetPrandomU32 = 7, "__u32" "bpf_get_prandom_u32" () -> Integer,
        moves_packet: false, kinds: KindSet::ALL;
    /// Returns the number of the CPU that runs the program.
    GetSmpProcessorId = 8, "__u32" "bpf_get_smp_processor_id" () -> Integer,
        moves_packet: false, kinds: KindSet::ALL;
    /// Adds up an Internet checksum: `seed` without the words of `from` and with those of `to`. Either may be null with a size of 0. Returns the sum folded into 16 bits and not complemented. Linux before 6.13 wants sizes that are multiples of 4.
    CsumDiff = 28, "__s64" "bpf_csum_diff" (OptionalMemory "const __be32 *from", MemorySizeOrZero "__u32 from_size", OptionalMemory "const __be32 *to", MemorySizeOrZero "__u32 to_size", Scalar "__wsum seed") -> Integer,
        moves_packet: false, kinds: KindSet::ALL;
    /// Adds (positive) or removes (negative) bytes before and after the current packet, each within ±`CLICK_MAX_ADD_SPACE`. New bytes are zero. Returns 0, or -22 and changes nothing. Either way the packet may have moved: reload `data` and `data_end` and check again.
    PacketAddSpace = 60, "long" "bpf_packet_add_space" (Scalar "__s32 head", Scalar "__s32 tail") -> Integer,
        moves_packet: true, kinds: KindSet::of(&[ProgramKind::Rewriter]);
    /// Adds `value` to a queue or stack. `flags`: BPF_ANY, or BPF_EXIST to give up the oldest value when it is full. Returns 0, -7 full, or -22 other flags.
    MapPushElem = 87, "long" "bpf_map_push_elem" (Queue "void *map", MapValue "const void *value", Scalar "__u64 flags") -> Integer,
        moves_packet: false, kinds: KindSet::ALL;
    /// Takes the next value out of a queue or stack and copies it to `value`. Returns 0, or -2 if there is none; `value` is zeros then.
    MapPopElem = 88, "long" "bpf_map_pop_elem" (Queue "void *map", MapValueOut "void *value") -> Integer,
        moves_packet: false, kinds: KindSet::ALL;
    /// Copies the next value of a queue or stack to `value`. Returns 0, or -2 if there is none; `value` is zeros then.
    MapPeekElem = 89, "long" "bpf_map_peek_elem" (Queue "void *map", MapValueOut "void *value") -> Integer,
        moves_packet: false, kinds: KindSet::ALL;
    /// Returns nanoseconds since the machine was started, suspended times included.
    KtimeGetBootNs = 125, "__u64" "bpf_ktime_get_boot_ns" () -> Integer,
        moves_packet: false, kinds: KindSet::ALL;
    /// Appends `size` bytes to a ring buffer for the control plane. `flags`: 0, BPF_RB_NO_WAKEUP or BPF_RB_FORCE_WAKEUP, which change nothing. Returns 0, -11 no room, or -22 other flags.
    RingbufOutput = 130, "long" "bpf_ringbuf_output" (RingBuffer "void *ringbuf", ReadableMemory "void *data", MemorySizeOrZero "__u64 size", Scalar "__u64 flags") -> Integer,
        moves_packet: false, kinds: KindSet::ALL;
    /// Returns nanoseconds since 1970-01-01 in International Atomic Time, as far as the machine knows it; a machine that is not told the leap seconds counts as UTC does.
    KtimeGetTaiNs = 208, "__u64" "bpf_ktime_get_tai_ns" () -> Integer,
        moves_packet: false, kinds: KindSet::ALL;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_round_trip_and_ascend() {
        for helper in HelperId::ALL {
            assert_eq!(HelperId::from_number(helper.spec().id), Some(*helper));
        }
        assert!(
            HelperId::ALL
                .windows(2)
                .all(|pair| pair[0].spec().id < pair[1].spec().id)
        );
        assert_eq!(HelperId::from_number(25), None);
    }

    /// PREVAIL and the runtime read a length from the register after the memory's.
    #[test]
    fn memory_is_followed_by_its_size() {
        for helper in HelperId::ALL {
            let args = helper.spec().args;
            assert!(args.len() <= 5, "{}", helper.spec().name);
            for (i, arg) in args.iter().enumerate() {
                let sized = args.get(i + 1).is_some_and(|next| next.kind.is_size());
                assert_eq!(arg.kind.is_sized_memory(), sized, "{}", helper.spec().name);
            }
        }
    }
}
