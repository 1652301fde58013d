//! What a register or a stack slot holds.

use bpf_object::Width;

use crate::number::Number;

/// The identity of a value. Two places with one identity hold the same value, so what a branch says
/// about one holds for the other. Identities are never reused within a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id(u64);

impl Id {
    /// No identity; as a packet pointer's, the packet's first byte.
    pub(crate) const NONE: Self = Self(0);
}

/// Hands out identities.
#[derive(Debug, Default)]
pub(crate) struct Ids(u64);

impl Ids {
    pub(crate) fn fresh(&mut self) -> Id {
        // A run's work is bounded far below 2^64.
        self.0 = self.0.wrapping_add(1);
        Id(self.0)
    }
}

/// What a register or a stack slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Nothing that may be used.
    Unset(Unset),
    /// A number.
    Number(Scalar),
    /// A pointer.
    Pointer(Pointer),
}

/// Why a value may not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unset {
    /// Nothing was ever stored there.
    Never,
    /// A call at this slot left nothing there.
    Call {
        /// The call.
        slot: u32,
    },
    /// A pointer into the packet, from before a call at this slot that may move the packet.
    Stale {
        /// The call.
        slot: u32,
    },
    /// A pointer into the frame of a function that has returned.
    DeadFrame,
    /// Different things on the paths that lead here.
    Mixed,
}

/// A number with its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scalar {
    pub(crate) number: Number,
    pub(crate) id: Id,
    pub(crate) origin: Origin,
}

/// How a number was computed, where that matters later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It does not matter.
    Any,
    /// It is the distance from a packet pointer to the packet's end.
    Room(Room),
    /// It is another number plus a constant.
    Sum(Sum),
    /// It is another number, shifted to the left by 32. Shifted back, which is how compilers extend
    /// 32 bits, it is that number again if that fits.
    Shifted {
        of: Id,
        /// When that number is a distance to the packet's end.
        room: Option<Room>,
        /// The number fits into 32 bits with zeros above.
        fits_unsigned: bool,
        /// The number fits into 32 bits with its sign above.
        fits_signed: bool,
    },
}

/// Another number plus a constant, as an addition of this width has it: at 64 bits modulo 2^64, at 32
/// bits the lower half of the sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) of: Id,
    pub(crate) width: Width,
    pub(crate) constant: i64,
}

impl Origin {
    /// When the number is another one plus a constant, modulo 2^64.
    pub(crate) const fn sum(self) -> Option<Sum> {
        match self {
            Self::Sum(sum) if matches!(sum.width, Width::W64) => Some(sum),
            _ => None,
        }
    }

    /// When the number is a distance to the packet's end: from where.
    pub(crate) const fn room(self) -> Option<Room> {
        match self {
            Self::Room(room) => Some(room),
            _ => None,
        }
    }

    /// Whether it says something about the packet.
    pub(crate) const fn is_about_packet(self) -> bool {
        matches!(self, Self::Room(_) | Self::Shifted { room: Some(_), .. })
    }
}

/// A packet pointer, by its identity and fixed offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) id: Id,
    pub(crate) fixed: i64,
}

/// A pointer: `base + fixed + variable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pointer {
    pub(crate) base: Base,
    /// The part of the offset that is known, in bytes.
    pub(crate) fixed: i64,
    /// The part of the offset that varies, in bytes.
    pub(crate) variable: Number,
    /// Of a packet pointer, the identity of `base + variable`; of a map value, of the object that
    /// the lookup found; otherwise none.
    pub(crate) id: Id,
}

/// What a pointer points into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// The context.
    Context,
    /// The packet; the offset counts from its first byte.
    Packet,
    /// Behind the packet's last byte.
    PacketEnd,
    /// A stack frame, 0 the outermost; the offset counts from its upper end.
    Stack(usize),
    /// A map itself, by index.
    Map(u32),
    /// A value of the map with this index.
    MapValue {
        map: u32,
        /// The slot of the lookup.
        lookup: u32,
        maybe_null: bool,
    },
    /// A data section, by index.
    Data(u32),
}

/// Bound on a pointer's offset in bytes, either way (Linux `BPF_MAX_VAR_OFF`): far larger than any
/// object, and small enough that an address with it does not wrap around above.
pub(crate) const MAX_OFFSET: i64 = 1 << 29;

impl Value {
    pub(crate) const fn number(number: Number) -> Self {
        Self::Number(Scalar {
            number,
            id: Id::NONE,
            origin: Origin::Any,
        })
    }

    pub(crate) const fn constant(number: u64) -> Self {
        Self::number(Number::constant(number))
    }

    pub(crate) const fn pointer(base: Base, fixed: i64) -> Self {
        Self::Pointer(Pointer {
            base,
            fixed,
            variable: Number::constant(0),
            id: Id::NONE,
        })
    }

    /// Whether it is a number or nothing else than a number.
    pub(crate) const fn is_number(&self) -> bool {
        matches!(self, Self::Number(_))
    }
}

impl Pointer {
    /// The least and the greatest offset in bytes.
    pub(crate) const fn offsets(&self) -> (i64, i64) {
        let variable = self.variable.signed();
        (
            self.fixed.saturating_add(*variable.start()),
            self.fixed.saturating_add(*variable.end()),
        )
    }

    /// The same pointer, if its fixed offset and all its offsets are within [`MAX_OFFSET`].
    pub(crate) fn bounded(self) -> Option<Self> {
        let (least, greatest) = self.offsets();
        let small = |offset: i64| offset >= MAX_OFFSET.wrapping_neg() && offset <= MAX_OFFSET;
        (small(self.fixed) && small(least) && small(greatest)).then_some(self)
    }

    pub(crate) const fn is_maybe_null(&self) -> bool {
        matches!(
            self.base,
            Base::MapValue {
                maybe_null: true,
                ..
            }
        )
    }

    /// Whether a call that may move the packet makes it invalid.
    pub(crate) const fn is_packet(&self) -> bool {
        matches!(self.base, Base::Packet | Base::PacketEnd)
    }
}
