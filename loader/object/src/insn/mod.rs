//! Instructions of RFC 9669 (ISA v1 to v4), as a type that holds only legal ones.

mod decode;
mod display;
mod encode;

use core::fmt;

pub use decode::DecodeError;

/// An instruction slot as it lies in memory: 8 bytes, little-endian (RFC 9669, section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RawInsn {
    /// The opcode.
    pub opcode: u8,
    /// The destination register, 0 to 15.
    pub dst: u8,
    /// The source register, 0 to 15.
    pub src: u8,
    /// The offset.
    pub off: i16,
    /// The immediate.
    pub imm: i32,
}

impl RawInsn {
    /// Bytes of one slot.
    pub const SIZE: usize = 8;

    /// Reads a slot.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        let [opcode, registers, o0, o1, i0, i1, i2, i3] = bytes;
        Self {
            opcode,
            dst: registers & 0xf,
            src: registers >> 4,
            off: i16::from_le_bytes([o0, o1]),
            imm: i32::from_le_bytes([i0, i1, i2, i3]),
        }
    }

    /// Writes a slot.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 8] {
        let [o0, o1] = self.off.to_le_bytes();
        let [i0, i1, i2, i3] = self.imm.to_le_bytes();
        [
            self.opcode,
            self.dst & 0xf | self.src << 4,
            o0,
            o1,
            i0,
            i1,
            i2,
            i3,
        ]
    }
}

/// A register, `r0` to `r10`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reg(u8);

impl Reg {
    /// The return value.
    pub const R0: Self = Self(0);
    /// The first argument; the context when a program starts.
    pub const R1: Self = Self(1);
    /// The second argument.
    pub const R2: Self = Self(2);
    /// The third argument.
    pub const R3: Self = Self(3);
    /// The fourth argument.
    pub const R4: Self = Self(4);
    /// The fifth argument.
    pub const R5: Self = Self(5);
    /// Kept over calls.
    pub const R6: Self = Self(6);
    /// Kept over calls.
    pub const R7: Self = Self(7);
    /// Kept over calls.
    pub const R8: Self = Self(8);
    /// Kept over calls.
    pub const R9: Self = Self(9);
    /// The frame pointer, `r10`; read-only, points behind the frame's last byte.
    pub const FP: Self = Self(10);

    /// The register with this number, if there is one.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number <= 10 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// Its number, 0 to 10.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Its number as an index into an array of 11.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

impl fmt::Debug for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Width of an arithmetic operation or comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Width {
    /// On the lower 32 bits; a result is zero-extended.
    W32,
    /// On all 64 bits.
    W64,
}

/// Size of a memory access or of the value that is sign-extended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Size {
    /// One byte.
    B1,
    /// Two bytes.
    B2,
    /// Four bytes.
    B4,
    /// Eight bytes.
    B8,
}

impl Size {
    /// In bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::B1 => 1,
            Self::B2 => 2,
            Self::B4 => 4,
            Self::B8 => 8,
        }
    }
}

/// A register, or an immediate that is sign-extended to the width of the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    /// A register.
    Reg(Reg),
    /// An immediate.
    Imm(i32),
}

/// Arithmetic (RFC 9669, section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AluOp {
    /// `dst += src`.
    Add,
    /// `dst -= src`.
    Sub,
    /// `dst *= src`.
    Mul,
    /// `dst = src != 0 ? dst / src : 0`, unsigned.
    Div,
    /// The same, signed; the smallest number divided by −1 is itself.
    SDiv,
    /// `dst |= src`.
    Or,
    /// `dst &= src`.
    And,
    /// `dst <<= src & mask`.
    Lsh,
    /// `dst >>= src & mask`, filling with zeros.
    Rsh,
    /// `dst = src != 0 ? dst % src : dst`, unsigned.
    Mod,
    /// The same, signed; the smallest number modulo −1 is 0.
    SMod,
    /// `dst ^= src`.
    Xor,
    /// `dst = src`.
    Mov,
    /// `dst >>= src & mask`, filling with the sign.
    Arsh,
}

/// Comparison of a branch (RFC 9669, section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cond {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Any common bit.
    Set,
    /// Greater, unsigned.
    Gt,
    /// Greater or equal, unsigned.
    Ge,
    /// Less, unsigned.
    Lt,
    /// Less or equal, unsigned.
    Le,
    /// Greater, signed.
    SGt,
    /// Greater or equal, signed.
    SGe,
    /// Less, signed.
    SLt,
    /// Less or equal, signed.
    SLe,
}

/// Atomic read-modify-write (RFC 9669, section 5.3). With `fetch`, `src` gets the old value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AtomicOp {
    /// `*p += src`.
    Add {
        /// Whether `src` gets the old value.
        fetch: bool,
    },
    /// `*p |= src`.
    Or {
        /// Whether `src` gets the old value.
        fetch: bool,
    },
    /// `*p &= src`.
    And {
        /// Whether `src` gets the old value.
        fetch: bool,
    },
    /// `*p ^= src`.
    Xor {
        /// Whether `src` gets the old value.
        fetch: bool,
    },
    /// `*p` and `src` change places.
    Exchange,
    /// `if *p == r0 { *p = src }`; `r0` gets the old value, zero-extended.
    CompareExchange,
}

/// Which conversion of byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SwapKind {
    /// To little-endian: on a little-endian machine only truncation to the width.
    ToLe,
    /// To big-endian: on a little-endian machine a swap of the bytes.
    ToBe,
    /// An unconditional swap (ISA v4).
    Always,
}

/// How many bits a conversion of byte order keeps; the others become zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SwapWidth {
    /// 16 bits.
    B16,
    /// 32 bits.
    B32,
    /// 64 bits.
    B64,
}

impl SwapWidth {
    /// In bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::B16 => 16,
            Self::B32 => 32,
            Self::B64 => 64,
        }
    }
}

/// What a wide load loads (RFC 9669, section 5.4; the kinds that this platform has).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wide {
    /// A 64-bit number.
    Number(u64),
    /// The map with this index in the image.
    Map(u32),
    /// The address of a byte in a data section of the image.
    Data {
        /// Index of the section in the image.
        section: u32,
        /// Offset of the byte in the section.
        offset: u32,
    },
}

/// One instruction slot. Jump and call targets are absolute slot numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Insn {
    /// Arithmetic.
    Alu {
        /// Of the operation.
        width: Width,
        /// The operation.
        op: AluOp,
        /// Left operand and result.
        dst: Reg,
        /// Right operand.
        src: Operand,
    },
    /// `dst = src`, sign-extended from a smaller size (ISA v4). From 4 bytes only at 64 bits.
    MovSx {
        /// Of the result.
        width: Width,
        /// Result.
        dst: Reg,
        /// Operand.
        src: Reg,
        /// What of it is extended; at most 4 bytes.
        from: Size,
    },
    /// `dst = -dst`.
    Neg {
        /// Of the operation.
        width: Width,
        /// Operand and result.
        dst: Reg,
    },
    /// Conversion of byte order.
    Swap {
        /// Which conversion.
        kind: SwapKind,
        /// How many bits are kept.
        width: SwapWidth,
        /// Operand and result.
        dst: Reg,
    },
    /// A wide load; takes this slot and the next.
    Wide {
        /// Result.
        dst: Reg,
        /// What is loaded.
        value: Wide,
    },
    /// The second slot of a wide load; never executed, never a jump target.
    WideTail,
    /// `dst = *(size *)(base + off)`.
    Load {
        /// Of the access.
        size: Size,
        /// Whether the value is sign-extended instead of zero-extended (ISA v4; not for 8 bytes).
        signed: bool,
        /// Result.
        dst: Reg,
        /// Pointer.
        base: Reg,
        /// Added to the pointer.
        off: i16,
    },
    /// `*(size *)(base + off) = src`.
    Store {
        /// Of the access.
        size: Size,
        /// Pointer.
        base: Reg,
        /// Added to the pointer.
        off: i16,
        /// What is stored; an immediate is sign-extended to 64 bits.
        src: Operand,
    },
    /// Atomic read-modify-write of `*(size *)(base + off)`.
    Atomic {
        /// Of the access: 4 or 8 bytes.
        size: Size,
        /// The operation.
        op: AtomicOp,
        /// Pointer.
        base: Reg,
        /// Added to the pointer.
        off: i16,
        /// Operand, and the old value's place with `fetch`.
        src: Reg,
    },
    /// Unconditional jump, of the short or the long form.
    Jump {
        /// Slot of the next instruction.
        target: u32,
    },
    /// Conditional jump.
    Branch {
        /// Of the comparison.
        width: Width,
        /// The comparison.
        cond: Cond,
        /// Left operand.
        dst: Reg,
        /// Right operand.
        src: Operand,
        /// Slot of the next instruction when the comparison holds.
        target: u32,
    },
    /// Call of a platform helper by number; whether the platform has it is the verifier's to say.
    CallHelper {
        /// The helper's number.
        id: u32,
    },
    /// Call of a function of the program.
    CallLocal {
        /// Slot of the function's first instruction.
        target: u32,
    },
    /// Return from the function, or from the program.
    Exit,
}

impl Insn {
    /// Whether execution may go on with the slot after this instruction (for a wide load: after its
    /// second slot).
    #[must_use]
    pub const fn falls_through(self) -> bool {
        !matches!(self, Self::Jump { .. } | Self::Exit)
    }

    /// The slot that a jump or branch may go to.
    #[must_use]
    pub const fn jump_target(self) -> Option<u32> {
        match self {
            Self::Jump { target } | Self::Branch { target, .. } => Some(target),
            _ => None,
        }
    }

    /// Slots that the instruction takes.
    #[must_use]
    pub const fn slots(self) -> usize {
        if matches!(self, Self::Wide { .. }) {
            2
        } else {
            1
        }
    }
}
