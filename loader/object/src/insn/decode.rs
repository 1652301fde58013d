//! Strict decoding: every field that an instruction does not use must be zero.
//!
//! An engine that ignores a field proves one program while a runtime that reads it runs another;
//! so there is one decoder, and what it does not know is refused. Section numbers are RFC 9669's.

use alloc::vec::Vec;

use super::{
    AluOp, AtomicOp, Cond, Insn, Operand, RawInsn, Reg, Size, SwapKind, SwapWidth, Wide, Width,
};
use crate::codes;

/// Why a slot is not an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// No instruction of the ISA has this opcode.
    #[error("slot {slot}: unknown opcode {opcode:#04x}")]
    Opcode {
        /// Where.
        slot: u32,
        /// The opcode.
        opcode: u8,
    },
    /// An instruction of the ISA that this platform does not take.
    #[error("slot {slot}: {what} is not supported")]
    Unsupported {
        /// Where.
        slot: u32,
        /// What kind of instruction.
        what: &'static str,
    },
    /// A field has a value that the instruction does not allow.
    #[error("slot {slot}: opcode {opcode:#04x} does not allow {field} = {value}")]
    Field {
        /// Where.
        slot: u32,
        /// The opcode.
        opcode: u8,
        /// `dst`, `src`, `off` or `imm`.
        field: &'static str,
        /// Its value.
        value: i64,
    },
    /// A wide load without a second slot.
    #[error("slot {slot}: the wide load has no second half")]
    Truncated {
        /// Where.
        slot: u32,
    },
    /// A jump or call leads before the first or behind the last possible slot.
    #[error("slot {slot}: the target lies outside of the program")]
    Target {
        /// Where.
        slot: u32,
    },
}

impl DecodeError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> platform_click::Code {
        codes::INSTRUCTION
    }
}

impl Insn {
    /// Decodes a program: one [`Insn`] for each slot.
    ///
    /// A wide load's second slot becomes [`Insn::WideTail`], so that indices stay slot numbers. Its
    /// source field says what its immediates mean: 0 a number, 1 the index of a map, 2 the index of
    /// a data section and an offset.
    ///
    /// # Errors
    /// The first slot that is not a legal instruction.
    pub fn decode_all(raw: &[RawInsn]) -> Result<Vec<Self>, DecodeError> {
        let mut code = Vec::with_capacity(raw.len());
        let mut rest = raw;
        while let [first, tail @ ..] = rest {
            let slot = u32::try_from(code.len()).unwrap_or(u32::MAX);
            let decoder = Decoder { raw: *first, slot };
            rest = tail;
            if first.opcode == 0x18 {
                let [second, tail @ ..] = rest else {
                    return Err(DecodeError::Truncated { slot });
                };
                rest = tail;
                code.push(decoder.wide(*second)?);
                code.push(Self::WideTail);
            } else {
                code.push(decoder.single()?);
            }
        }
        Ok(code)
    }
}

/// A slot that is being decoded.
#[derive(Clone, Copy)]
struct Decoder {
    raw: RawInsn,
    slot: u32,
}

impl Decoder {
    /// Any instruction but a wide load, by class (section 3.3).
    fn single(self) -> Result<Insn, DecodeError> {
        match self.raw.opcode & 0x07 {
            0x00 => Err(self.legacy()),
            0x01 => self.load(),
            0x02 => self.store_immediate(),
            0x03 => self.store_register(),
            0x04 => self.arithmetic(Width::W32),
            0x05 => self.jump(Width::W64),
            0x06 => self.jump(Width::W32),
            _ => self.arithmetic(Width::W64),
        }
    }

    /// Class LD without the wide load: packet access of classic BPF (section 5.5).
    fn legacy(self) -> DecodeError {
        match self.raw.opcode & 0xe0 {
            0x20 | 0x40 => DecodeError::Unsupported {
                slot: self.slot,
                what: "legacy packet access",
            },
            _ => self.opcode(),
        }
    }

    /// Section 5.4. Source 0 to 2; the second slot holds nothing but an immediate.
    fn wide(self, second: RawInsn) -> Result<Insn, DecodeError> {
        let tail = Self {
            raw: second,
            slot: self.slot.saturating_add(1),
        };
        if second.opcode != 0 {
            return Err(tail.opcode());
        }
        tail.zero_dst()?;
        tail.zero_src()?;
        tail.zero_off()?;
        self.zero_off()?;
        let dst = self.written_dst()?;
        let low = self.raw.imm.cast_unsigned();
        let high = second.imm.cast_unsigned();
        let value = match self.raw.src {
            0 => Wide::Number(u64::from(high) << 32 | u64::from(low)),
            1 => {
                tail.zero_imm()?;
                Wide::Map(low)
            }
            2 => Wide::Data {
                section: low,
                offset: high,
            },
            3..=6 => {
                return Err(DecodeError::Unsupported {
                    slot: self.slot,
                    what: "this kind of wide load",
                });
            }
            _ => return Err(self.field("src", i64::from(self.raw.src))),
        };
        Ok(Insn::Wide { dst, value })
    }

    /// Section 5.1 and 5.2: modes MEM (0x60) and MEMSX (0x80).
    fn load(self) -> Result<Insn, DecodeError> {
        let size = self.size();
        let signed = match (self.raw.opcode & 0xe0, size) {
            (0x60, _) => false,
            (0x80, Size::B1 | Size::B2 | Size::B4) => true,
            _ => return Err(self.opcode()),
        };
        self.zero_imm()?;
        Ok(Insn::Load {
            size,
            signed,
            dst: self.written_dst()?,
            base: self.src()?,
            off: self.raw.off,
        })
    }

    /// Section 5.1, class ST.
    fn store_immediate(self) -> Result<Insn, DecodeError> {
        if self.raw.opcode & 0xe0 != 0x60 {
            return Err(self.opcode());
        }
        self.zero_src()?;
        let src = Operand::Imm(self.raw.imm);
        Ok(Insn::Store {
            size: self.size(),
            base: self.dst()?,
            off: self.raw.off,
            src,
        })
    }

    /// Sections 5.1 and 5.3, class STX: modes MEM (0x60) and ATOMIC (0xc0).
    fn store_register(self) -> Result<Insn, DecodeError> {
        let (size, base, off) = (self.size(), self.dst()?, self.raw.off);
        match (self.raw.opcode & 0xe0, size) {
            (0x60, _) => {
                self.zero_imm()?;
                Ok(Insn::Store {
                    size,
                    base,
                    off,
                    src: Operand::Reg(self.src()?),
                })
            }
            (0xc0, Size::B4 | Size::B8) => {
                let op = self.atomic_op()?;
                let src = self.src()?;
                let writes_src = !matches!(
                    op,
                    AtomicOp::Add { fetch: false }
                        | AtomicOp::Or { fetch: false }
                        | AtomicOp::And { fetch: false }
                        | AtomicOp::Xor { fetch: false }
                        | AtomicOp::CompareExchange
                );
                if writes_src && src == Reg::FP {
                    return Err(self.field("src", 10));
                }
                Ok(Insn::Atomic {
                    size,
                    op,
                    base,
                    off,
                    src,
                })
            }
            _ => Err(self.opcode()),
        }
    }

    /// Section 5.3: the immediate is the operation, plus 1 for fetch.
    fn atomic_op(self) -> Result<AtomicOp, DecodeError> {
        Ok(match self.raw.imm {
            0x00 => AtomicOp::Add { fetch: false },
            0x01 => AtomicOp::Add { fetch: true },
            0x40 => AtomicOp::Or { fetch: false },
            0x41 => AtomicOp::Or { fetch: true },
            0x50 => AtomicOp::And { fetch: false },
            0x51 => AtomicOp::And { fetch: true },
            0xa0 => AtomicOp::Xor { fetch: false },
            0xa1 => AtomicOp::Xor { fetch: true },
            0xe1 => AtomicOp::Exchange,
            0xf1 => AtomicOp::CompareExchange,
            other => return Err(self.field("imm", i64::from(other))),
        })
    }

    /// Sections 4.1 and 4.2.
    fn arithmetic(self, width: Width) -> Result<Insn, DecodeError> {
        let dst = self.written_dst()?;
        let op = match (self.raw.opcode & 0xf0, self.raw.off) {
            (0x00, 0) => AluOp::Add,
            (0x10, 0) => AluOp::Sub,
            (0x20, 0) => AluOp::Mul,
            (0x30, 0) => AluOp::Div,
            (0x30, 1) => AluOp::SDiv,
            (0x40, 0) => AluOp::Or,
            (0x50, 0) => AluOp::And,
            (0x60, 0) => AluOp::Lsh,
            (0x70, 0) => AluOp::Rsh,
            (0x80, _) => return self.negation(width, dst),
            (0x90, 0) => AluOp::Mod,
            (0x90, 1) => AluOp::SMod,
            (0xa0, 0) => AluOp::Xor,
            (0xb0, 0) => AluOp::Mov,
            (0xb0, _) => return self.sign_extension(width, dst),
            (0xc0, 0) => AluOp::Arsh,
            (0xd0, _) => return self.byte_swap(width, dst),
            (0xe0.., _) => return Err(self.opcode()),
            (_, off) => return Err(self.field("off", i64::from(off))),
        };
        Ok(Insn::Alu {
            width,
            op,
            dst,
            src: self.operand()?,
        })
    }

    fn negation(self, width: Width, dst: Reg) -> Result<Insn, DecodeError> {
        if self.source_is_register() {
            return Err(self.opcode());
        }
        self.zero_src()?;
        self.zero_off()?;
        self.zero_imm()?;
        Ok(Insn::Neg { width, dst })
    }

    /// MOVSX: offset 8, 16 or, at 64 bits, 32; only from a register.
    fn sign_extension(self, width: Width, dst: Reg) -> Result<Insn, DecodeError> {
        let from = match (self.raw.off, width) {
            (8, _) => Size::B1,
            (16, _) => Size::B2,
            (32, Width::W64) => Size::B4,
            (off, _) => return Err(self.field("off", i64::from(off))),
        };
        if !self.source_is_register() {
            return Err(self.field("off", i64::from(self.raw.off)));
        }
        self.zero_imm()?;
        Ok(Insn::MovSx {
            width,
            dst,
            src: self.src()?,
            from,
        })
    }

    /// Section 4.2: class ALU converts to an order, class ALU64 swaps unconditionally.
    fn byte_swap(self, width: Width, dst: Reg) -> Result<Insn, DecodeError> {
        let kind = match (width, self.source_is_register()) {
            (Width::W32, false) => SwapKind::ToLe,
            (Width::W32, true) => SwapKind::ToBe,
            (Width::W64, false) => SwapKind::Always,
            (Width::W64, true) => return Err(self.opcode()),
        };
        let width = match self.raw.imm {
            16 => SwapWidth::B16,
            32 => SwapWidth::B32,
            64 => SwapWidth::B64,
            other => return Err(self.field("imm", i64::from(other))),
        };
        self.zero_src()?;
        self.zero_off()?;
        Ok(Insn::Swap { kind, width, dst })
    }

    /// Section 4.3.
    fn jump(self, width: Width) -> Result<Insn, DecodeError> {
        let cond = match self.raw.opcode & 0xf0 {
            0x00 => return self.unconditional(width),
            0x80 => return self.call(width),
            0x90 => return self.exit(width),
            0x10 => Cond::Eq,
            0x20 => Cond::Gt,
            0x30 => Cond::Ge,
            0x40 => Cond::Set,
            0x50 => Cond::Ne,
            0x60 => Cond::SGt,
            0x70 => Cond::SGe,
            0xa0 => Cond::Lt,
            0xb0 => Cond::Le,
            0xc0 => Cond::SLt,
            0xd0 => Cond::SLe,
            _ => return Err(self.opcode()),
        };
        let dst = self.dst()?;
        let src = if self.source_is_register() {
            self.zero_imm()?;
            Operand::Reg(self.src()?)
        } else {
            self.zero_src()?;
            Operand::Imm(self.raw.imm)
        };
        Ok(Insn::Branch {
            width,
            cond,
            dst,
            src,
            target: self.target(i64::from(self.raw.off))?,
        })
    }

    /// JA: the offset is a 16-bit field in class JMP, the immediate in class JMP32.
    fn unconditional(self, width: Width) -> Result<Insn, DecodeError> {
        if self.source_is_register() {
            return Err(self.opcode());
        }
        self.zero_dst()?;
        self.zero_src()?;
        let distance = match width {
            Width::W64 => {
                self.zero_imm()?;
                i64::from(self.raw.off)
            }
            Width::W32 => {
                self.zero_off()?;
                i64::from(self.raw.imm)
            }
        };
        Ok(Insn::Jump {
            target: self.target(distance)?,
        })
    }

    /// Section 4.3.1: source 0 a helper, 1 a function of the program, 2 a helper by BTF.
    fn call(self, width: Width) -> Result<Insn, DecodeError> {
        if width == Width::W32 {
            return Err(self.opcode());
        }
        if self.source_is_register() {
            return Err(DecodeError::Unsupported {
                slot: self.slot,
                what: "a call of a register",
            });
        }
        self.zero_dst()?;
        self.zero_off()?;
        match self.raw.src {
            0 => Ok(Insn::CallHelper {
                id: self.raw.imm.cast_unsigned(),
            }),
            1 => Ok(Insn::CallLocal {
                target: self.target(i64::from(self.raw.imm))?,
            }),
            2 => Err(DecodeError::Unsupported {
                slot: self.slot,
                what: "a call by BTF identifier",
            }),
            other => Err(self.field("src", i64::from(other))),
        }
    }

    fn exit(self, width: Width) -> Result<Insn, DecodeError> {
        if width == Width::W32 || self.source_is_register() {
            return Err(self.opcode());
        }
        self.zero_dst()?;
        self.zero_src()?;
        self.zero_off()?;
        self.zero_imm()?;
        Ok(Insn::Exit)
    }

    /// The right operand of arithmetic; the field that is not used must be zero.
    fn operand(self) -> Result<Operand, DecodeError> {
        if self.source_is_register() {
            self.zero_imm()?;
            Ok(Operand::Reg(self.src()?))
        } else {
            self.zero_src()?;
            Ok(Operand::Imm(self.raw.imm))
        }
    }

    fn source_is_register(self) -> bool {
        self.raw.opcode & 0x08 != 0
    }

    fn size(self) -> Size {
        match self.raw.opcode & 0x18 {
            0x00 => Size::B4,
            0x08 => Size::B2,
            0x10 => Size::B1,
            _ => Size::B8,
        }
    }

    fn dst(self) -> Result<Reg, DecodeError> {
        Reg::new(self.raw.dst).ok_or_else(|| self.field("dst", i64::from(self.raw.dst)))
    }

    /// A destination that is written: the frame pointer is not.
    fn written_dst(self) -> Result<Reg, DecodeError> {
        match self.dst()? {
            Reg::FP => Err(self.field("dst", 10)),
            reg => Ok(reg),
        }
    }

    fn src(self) -> Result<Reg, DecodeError> {
        Reg::new(self.raw.src).ok_or_else(|| self.field("src", i64::from(self.raw.src)))
    }

    /// Distances count from the slot after the instruction.
    fn target(self, distance: i64) -> Result<u32, DecodeError> {
        i64::from(self.slot)
            .checked_add(1)
            .and_then(|next| next.checked_add(distance))
            .and_then(|target| u32::try_from(target).ok())
            .ok_or(DecodeError::Target { slot: self.slot })
    }

    fn zero_dst(self) -> Result<(), DecodeError> {
        self.zero("dst", i64::from(self.raw.dst))
    }

    fn zero_src(self) -> Result<(), DecodeError> {
        self.zero("src", i64::from(self.raw.src))
    }

    fn zero_off(self) -> Result<(), DecodeError> {
        self.zero("off", i64::from(self.raw.off))
    }

    fn zero_imm(self) -> Result<(), DecodeError> {
        self.zero("imm", i64::from(self.raw.imm))
    }

    fn zero(self, field: &'static str, value: i64) -> Result<(), DecodeError> {
        if value == 0 {
            Ok(())
        } else {
            Err(self.field(field, value))
        }
    }

    fn field(self, field: &'static str, value: i64) -> DecodeError {
        DecodeError::Field {
            slot: self.slot,
            opcode: self.raw.opcode,
            field,
            value,
        }
    }

    fn opcode(self) -> DecodeError {
        DecodeError::Opcode {
            slot: self.slot,
            opcode: self.raw.opcode,
        }
    }
}
