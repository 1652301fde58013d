//! Canonical encoding: one byte sequence for each meaning.

use alloc::vec::Vec;

use super::{AluOp, AtomicOp, Cond, Insn, Operand, RawInsn, Size, SwapKind, Wide, Width};

impl Insn {
    /// Encodes a program, slot by slot, so that decoding gives it back.
    ///
    /// Two encodings of one meaning become one: a jump has its short form where that reaches.
    #[must_use]
    pub fn encode_all(code: &[Self]) -> Vec<RawInsn> {
        let mut raw = Vec::with_capacity(code.len());
        let mut tail = RawInsn::default();
        for (slot, insn) in code.iter().enumerate() {
            if *insn == Self::WideTail {
                raw.push(tail);
                continue;
            }
            let (first, second) = insn.encode(u32::try_from(slot).unwrap_or(u32::MAX));
            raw.push(first);
            tail = second;
        }
        raw
    }

    /// Encodes the instruction in `slot`; the second slot has a meaning only for a wide load.
    fn encode(self, slot: u32) -> (RawInsn, RawInsn) {
        let mut tail = RawInsn::default();
        let raw = match self {
            Self::Alu {
                width,
                op,
                dst,
                src,
            } => {
                let (code, off) = alu_code(op);
                with_operand(
                    RawInsn {
                        opcode: code | alu_class(width),
                        dst: dst.number(),
                        off,
                        ..RawInsn::default()
                    },
                    src,
                )
            }
            Self::MovSx {
                width,
                dst,
                src,
                from,
            } => RawInsn {
                opcode: 0xb8 | alu_class(width),
                dst: dst.number(),
                src: src.number(),
                off: match from {
                    Size::B1 => 8,
                    Size::B2 => 16,
                    Size::B4 | Size::B8 => 32,
                },
                imm: 0,
            },
            Self::Neg { width, dst } => RawInsn {
                opcode: 0x80 | alu_class(width),
                dst: dst.number(),
                ..RawInsn::default()
            },
            Self::Swap { kind, width, dst } => RawInsn {
                opcode: match kind {
                    SwapKind::ToLe => 0xd4,
                    SwapKind::ToBe => 0xdc,
                    SwapKind::Always => 0xd7,
                },
                dst: dst.number(),
                imm: i32::from(width.bits()),
                ..RawInsn::default()
            },
            Self::Wide { dst, value } => {
                let (src, low, high) = wide_fields(value);
                tail.imm = high.cast_signed();
                RawInsn {
                    opcode: 0x18,
                    dst: dst.number(),
                    src,
                    off: 0,
                    imm: low.cast_signed(),
                }
            }
            Self::WideTail => RawInsn::default(),
            Self::Load {
                size,
                signed,
                dst,
                base,
                off,
            } => RawInsn {
                opcode: if signed { 0x81 } else { 0x61 } | size_code(size),
                dst: dst.number(),
                src: base.number(),
                off,
                imm: 0,
            },
            Self::Store {
                size,
                base,
                off,
                src,
            } => {
                let raw = RawInsn {
                    dst: base.number(),
                    off,
                    ..RawInsn::default()
                };
                match src {
                    Operand::Reg(reg) => RawInsn {
                        opcode: 0x63 | size_code(size),
                        src: reg.number(),
                        ..raw
                    },
                    Operand::Imm(imm) => RawInsn {
                        opcode: 0x62 | size_code(size),
                        imm,
                        ..raw
                    },
                }
            }
            Self::Atomic {
                size,
                op,
                base,
                off,
                src,
            } => RawInsn {
                opcode: 0xc3 | size_code(size),
                dst: base.number(),
                src: src.number(),
                off,
                imm: atomic_code(op),
            },
            Self::Jump { target } => {
                let distance = distance(slot, target);
                match i16::try_from(distance) {
                    Ok(off) => RawInsn {
                        opcode: 0x05,
                        off,
                        ..RawInsn::default()
                    },
                    Err(_) => RawInsn {
                        opcode: 0x06,
                        imm: distance,
                        ..RawInsn::default()
                    },
                }
            }
            Self::Branch {
                width,
                cond,
                dst,
                src,
                target,
            } => {
                let class = match width {
                    Width::W32 => 0x06,
                    Width::W64 => 0x05,
                };
                let off = i16::try_from(distance(slot, target)).unwrap_or(i16::MAX);
                with_operand(
                    RawInsn {
                        opcode: cond_code(cond) | class,
                        dst: dst.number(),
                        off,
                        ..RawInsn::default()
                    },
                    src,
                )
            }
            Self::CallHelper { id } => RawInsn {
                opcode: 0x85,
                imm: id.cast_signed(),
                ..RawInsn::default()
            },
            Self::CallLocal { target } => RawInsn {
                opcode: 0x85,
                src: 1,
                imm: distance(slot, target),
                ..RawInsn::default()
            },
            Self::Exit => RawInsn {
                opcode: 0x95,
                ..RawInsn::default()
            },
        };
        (raw, tail)
    }
}

/// Slots from behind the instruction to the target. Programs have at most 2^16 slots.
fn distance(slot: u32, target: u32) -> i32 {
    target.wrapping_sub(slot).wrapping_sub(1).cast_signed()
}

fn with_operand(raw: RawInsn, operand: Operand) -> RawInsn {
    match operand {
        Operand::Reg(reg) => RawInsn {
            opcode: raw.opcode | 0x08,
            src: reg.number(),
            ..raw
        },
        Operand::Imm(imm) => RawInsn { imm, ..raw },
    }
}

const fn wide_fields(value: Wide) -> (u8, u32, u32) {
    match value {
        Wide::Number(number) => {
            let [a, b, c, d, e, f, g, h] = number.to_le_bytes();
            (
                0,
                u32::from_le_bytes([a, b, c, d]),
                u32::from_le_bytes([e, f, g, h]),
            )
        }
        Wide::Map(index) => (1, index, 0),
        Wide::Data { section, offset } => (2, section, offset),
    }
}

const fn alu_class(width: Width) -> u8 {
    match width {
        Width::W32 => 0x04,
        Width::W64 => 0x07,
    }
}

const fn alu_code(op: AluOp) -> (u8, i16) {
    match op {
        AluOp::Add => (0x00, 0),
        AluOp::Sub => (0x10, 0),
        AluOp::Mul => (0x20, 0),
        AluOp::Div => (0x30, 0),
        AluOp::SDiv => (0x30, 1),
        AluOp::Or => (0x40, 0),
        AluOp::And => (0x50, 0),
        AluOp::Lsh => (0x60, 0),
        AluOp::Rsh => (0x70, 0),
        AluOp::Mod => (0x90, 0),
        AluOp::SMod => (0x90, 1),
        AluOp::Xor => (0xa0, 0),
        AluOp::Mov => (0xb0, 0),
        AluOp::Arsh => (0xc0, 0),
    }
}

const fn cond_code(cond: Cond) -> u8 {
    match cond {
        Cond::Eq => 0x10,
        Cond::Gt => 0x20,
        Cond::Ge => 0x30,
        Cond::Set => 0x40,
        Cond::Ne => 0x50,
        Cond::SGt => 0x60,
        Cond::SGe => 0x70,
        Cond::Lt => 0xa0,
        Cond::Le => 0xb0,
        Cond::SLt => 0xc0,
        Cond::SLe => 0xd0,
    }
}

const fn size_code(size: Size) -> u8 {
    match size {
        Size::B4 => 0x00,
        Size::B2 => 0x08,
        Size::B1 => 0x10,
        Size::B8 => 0x18,
    }
}

const fn atomic_code(op: AtomicOp) -> i32 {
    match op {
        AtomicOp::Add { fetch: false } => 0x00,
        AtomicOp::Add { fetch: true } => 0x01,
        AtomicOp::Or { fetch: false } => 0x40,
        AtomicOp::Or { fetch: true } => 0x41,
        AtomicOp::And { fetch: false } => 0x50,
        AtomicOp::And { fetch: true } => 0x51,
        AtomicOp::Xor { fetch: false } => 0xa0,
        AtomicOp::Xor { fetch: true } => 0xa1,
        AtomicOp::Exchange => 0xe1,
        AtomicOp::CompareExchange => 0xf1,
    }
}
