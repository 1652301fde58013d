//! What a register or a stack slot may hold.

/// A set of at most one element, or "several": a lattice of height two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Flat<T> {
    /// Nothing.
    #[default]
    None,
    /// Exactly this.
    One(T),
    /// More than one, or unknown.
    Many,
}

impl<T: Copy + PartialEq> Flat<T> {
    pub(crate) fn join(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, any) | (any, Self::None) => any,
            (Self::One(a), Self::One(b)) if a == b => self,
            _ => Self::Many,
        }
    }

    pub(crate) fn one(self) -> Option<T> {
        match self {
            Self::One(value) => Some(value),
            Self::None | Self::Many => None,
        }
    }
}

/// A set of kinds of value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kinds(u16);

impl Kinds {
    /// No value: never set, or lost by a call.
    pub(crate) const UNSET: Self = Self(1);
    /// A number.
    pub(crate) const NUMBER: Self = Self(1 << 1);
    /// A pointer to the context.
    pub(crate) const CONTEXT: Self = Self(1 << 2);
    /// A pointer to the packet, or behind it.
    pub(crate) const PACKET: Self = Self(1 << 3);
    /// A pointer to the packet before a call that may have moved it.
    pub(crate) const STALE: Self = Self(1 << 4);
    /// A pointer to a stack frame.
    pub(crate) const STACK: Self = Self(1 << 5);
    /// The result of a lookup before its null test.
    pub(crate) const NULLABLE: Self = Self(1 << 6);
    /// A pointer to a map value.
    pub(crate) const VALUE: Self = Self(1 << 7);
    /// A pointer to writable data.
    pub(crate) const DATA: Self = Self(1 << 8);
    /// A pointer to read-only data.
    pub(crate) const READ_ONLY: Self = Self(1 << 9);
    /// A map.
    pub(crate) const MAP: Self = Self(1 << 10);

    /// A part of a packet pointer, loaded from the context.
    pub(crate) const FRAGMENT: Self = Self(1 << 11);

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether any of `other` is in the set.
    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The addresses in the set.
    pub(crate) const fn addresses(self) -> Self {
        self.without(Self::UNSET.or(Self::NUMBER))
    }

    /// The kinds in the set by name.
    pub(crate) fn names(self) -> Vec<&'static str> {
        const NAMES: [(Kinds, &str); 12] = [
            (Kinds::UNSET, "nothing"),
            (Kinds::NUMBER, "a number"),
            (Kinds::CONTEXT, "the context"),
            (Kinds::PACKET, "a packet pointer"),
            (
                Kinds::STALE,
                "a packet pointer from before the packet may have moved",
            ),
            (Kinds::STACK, "a stack pointer"),
            (Kinds::NULLABLE, "a map value or null"),
            (Kinds::VALUE, "a map value"),
            (Kinds::DATA, "data"),
            (Kinds::READ_ONLY, "read-only data"),
            (Kinds::MAP, "a map"),
            (Kinds::FRAGMENT, "a part of a packet pointer"),
        ];
        let held = NAMES.iter().filter(|(kind, _)| self.has(*kind));
        held.map(|(_, name)| *name).collect()
    }
}

/// What a register or stack slot may hold. An attribute describes the kinds that it is named with;
/// where several of those meet, it is joined over them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Value {
    /// What it may be.
    pub(crate) kinds: Kinds,
    /// The number.
    pub(crate) number: Flat<i64>,
    /// Which frame a stack pointer points to, from 0 for the entry function's.
    pub(crate) frame: Flat<usize>,
    /// Where a pointer to a stack frame or to the context points, in bytes from the frame pointer
    /// or the start.
    pub(crate) offset: Flat<i64>,
    /// The slot that made a map value (its lookup) or a packet pointer (its load). Two map values
    /// before their tests that name the same slot are the same value.
    pub(crate) made: Flat<u32>,
    /// The call that lost a value or made a packet pointer stale.
    pub(crate) lost: Flat<u32>,
    /// Index of the map or data section.
    pub(crate) region: Flat<u32>,
}

impl Value {
    /// A value of one kind of which nothing else is known.
    pub(crate) fn of(kinds: Kinds) -> Self {
        Self {
            kinds,
            number: if kinds.has(Kinds::NUMBER) {
                Flat::Many
            } else {
                Flat::None
            },
            ..Self::default()
        }
    }

    /// Any number.
    pub(crate) fn any_number() -> Self {
        Self::of(Kinds::NUMBER)
    }

    /// This number.
    pub(crate) fn constant(number: i64) -> Self {
        Self {
            kinds: Kinds::NUMBER,
            number: Flat::One(number),
            ..Self::default()
        }
    }

    /// The frame pointer of the frame with this index.
    pub(crate) fn frame_pointer(frame: usize) -> Self {
        Self {
            kinds: Kinds::STACK,
            frame: Flat::One(frame),
            offset: Flat::One(0),
            ..Self::default()
        }
    }

    pub(crate) fn join(self, other: Self) -> Self {
        Self {
            kinds: self.kinds.or(other.kinds),
            number: self.number.join(other.number),
            frame: self.frame.join(other.frame),
            offset: self.offset.join(other.offset),
            made: self.made.join(other.made),
            lost: self.lost.join(other.lost),
            region: self.region.join(other.region),
        }
    }

    /// The sum or difference of two values: an address stays one, moved by the number.
    pub(crate) fn add(self, other: Self, negate: bool) -> Self {
        let by = match (other.number, negate) {
            (Flat::One(number), false) => Flat::One(number),
            (Flat::One(number), true) => Flat::One(number.wrapping_neg()),
            (unknown, _) => unknown,
        };
        let none = Kinds::default();
        match (
            self.kinds.addresses() == none,
            other.kinds.addresses() == none,
        ) {
            (_, true) => self.moved(by),
            (true, false) if !negate => other.moved(self.number),
            // Two addresses: their difference is a number, anything else is refused later.
            _ => Self {
                number: Flat::Many,
                offset: Flat::Many,
                ..self.join(other).join(Self::any_number())
            },
        }
    }

    /// The value with a number added to it.
    fn moved(self, by: Flat<i64>) -> Self {
        let sum = |place: Flat<i64>| match (place, by) {
            (Flat::One(a), Flat::One(b)) => Flat::One(a.wrapping_add(b)),
            (Flat::None, _) => Flat::None,
            _ => Flat::Many,
        };
        Self {
            number: sum(self.number),
            offset: sum(self.offset),
            ..self
        }
    }

    /// The value after the packet may have been moved by the call in `slot`.
    pub(crate) fn after_move(self, slot: u32) -> Self {
        if !self.kinds.has(Kinds::PACKET) {
            return self;
        }
        Self {
            kinds: self.kinds.without(Kinds::PACKET).or(Kinds::STALE),
            lost: self.lost.join(Flat::One(slot)),
            ..self
        }
    }

    /// The value once a test has shown whether it is null.
    pub(crate) fn after_test(self, is_null: bool) -> Self {
        if !self.kinds.has(Kinds::NULLABLE) {
            return self;
        }
        let rest = self.kinds.without(Kinds::NULLABLE);
        if is_null {
            Self {
                kinds: rest.or(Kinds::NUMBER),
                number: self.number.join(Flat::One(0)),
                ..self
            }
        } else {
            Self {
                kinds: rest.or(Kinds::VALUE),
                ..self
            }
        }
    }
}
