//! Helpers: the functions of the platform that a program may call.

use crate::{KindSet, ProgramKind};

/// What a helper takes in one argument register; what the verifier has to prove of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    /// A map of the object, as loaded by a relocated wide load.
    Map,
    /// Initialised memory of the map's key size.
    MapKey,
    /// Initialised memory of the map's value size.
    MapValue,
    /// Initialised memory; its length in bytes is the next argument.
    ReadableMemory,
    /// The length in bytes of the memory in the argument before; greater than zero.
    MemorySize,
    /// Any number.
    Scalar,
}

impl ArgKind {
    /// Its name in the canonical text of the platform.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::MapKey => "map-key",
            Self::MapValue => "map-value",
            Self::ReadableMemory => "readable-memory",
            Self::MemorySize => "memory-size",
            Self::Scalar => "scalar",
        }
    }
}

/// One argument of a helper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arg {
    /// What has to be proved.
    pub kind: ArgKind,
    /// Its declaration in the C header, without a comma.
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
    /// The immediate of the call instruction; numbers below 60 are those of Linux.
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
    /// Prints `fmt` (of `fmt_size` bytes, its terminating zero included) with up to three numbers: %d %u %x %ld %lu %lx %lld %llu %llx. All five registers are arguments; use `bpf_printk`, which fills them. Returns the number of bytes printed, or -22.
    TracePrintk = 6, "long" "bpf_trace_printk" (ReadableMemory "const char *fmt", MemorySize "__u32 fmt_size", Scalar "__u64 a", Scalar "__u64 b", Scalar "__u64 c") -> Integer,
        moves_packet: false, kinds: KindSet::ALL;
    /// Returns a pseudo-random number; not for secrets.
    GetPrandomU32 = 7, "__u32" "bpf_get_prandom_u32" () -> Integer,
        moves_packet: false, kinds: KindSet::ALL;
    /// Adds (positive) or removes (negative) bytes before and after the current packet, each within ±`CLICK_MAX_ADD_SPACE`. New bytes are zero. Returns 0, or -22 and changes nothing. Either way the packet may have moved: reload `data` and `data_end` and check again.
    PacketAddSpace = 60, "long" "bpf_packet_add_space" (Scalar "__s32 head", Scalar "__s32 tail") -> Integer,
        moves_packet: true, kinds: KindSet::of(&[ProgramKind::Rewriter]);
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
                let sized = args
                    .get(i + 1)
                    .is_some_and(|next| next.kind == ArgKind::MemorySize);
                assert_eq!(
                    arg.kind == ArgKind::ReadableMemory,
                    sized,
                    "{}",
                    helper.spec().name
                );
            }
        }
    }
}
