//! Reads instructions as `bpfsign disasm` writes them, so that test programs can be text.
//!
//! Jumps go to labels (`again:` on a line of its own), local calls to `call slot LABEL`. A line that
//! begins with `raw` is one slot in hexadecimal bytes, for what has no text.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and not every test uses everything"
)]

use std::collections::BTreeMap;

use bpf_object::{
    AluOp, AtomicOp, Cond, Insn, Operand, RawInsn, Reg, Size, SwapKind, SwapWidth, Wide, Width,
};

/// The slots of a program.
pub fn assemble(text: &str) -> Vec<RawInsn> {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut labels = BTreeMap::new();
    let mut slot = 0_u32;
    for line in lines() {
        if let Some(label) = line.strip_suffix(':') {
            assert!(labels.insert(label, slot).is_none(), "label {label} twice");
        } else {
            slot += if line.ends_with(" ll") { 2 } else { 1 };
        }
    }
    let mut code = Vec::new();
    let mut raw = Vec::new();
    for line in lines().filter(|line| !line.ends_with(':')) {
        if let Some(bytes) = line.strip_prefix("raw ") {
            raw.push((
                code.len(),
                RawInsn::from_bytes(hex(bytes).try_into().unwrap()),
            ));
            code.push(Insn::Exit);
            continue;
        }
        let insn = instruction(line, &labels).unwrap_or_else(|| panic!("no instruction: {line}"));
        code.push(insn);
        if insn.slots() == 2 {
            code.push(Insn::WideTail);
        }
    }
    let mut slots = Insn::encode_all(&code);
    for (place, insn) in raw {
        slots[place] = insn;
    }
    slots
}

/// Bytes in hexadecimal, with or without space between them.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    let byte = |i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// A number with or without sign, decimal or hexadecimal, of at most 64 bits.
pub fn number(text: &str) -> Option<i128> {
    let (sign, digits) = match text.trim().strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (
            1,
            text.trim().strip_prefix('+').unwrap_or_else(|| text.trim()),
        ),
    };
    let digits = digits.trim();
    let value = match digits.strip_prefix("0x") {
        Some(digits) => i128::from_str_radix(digits, 16),
        None => digits.parse(),
    };
    Some(sign * value.ok()?)
}

type Labels<'a> = BTreeMap<&'a str, u32>;

fn instruction(line: &str, labels: &Labels<'_>) -> Option<Insn> {
    if line == "exit" {
        return Some(Insn::Exit);
    }
    if let Some(target) = line.strip_prefix("call slot ") {
        return Some(Insn::CallLocal {
            target: label(target, labels)?,
        });
    }
    if let Some(id) = line.strip_prefix("call ") {
        return Some(Insn::CallHelper {
            id: u32::try_from(number(id)?).ok()?,
        });
    }
    if let Some(target) = line.strip_prefix("goto ") {
        return Some(Insn::Jump {
            target: label(target, labels)?,
        });
    }
    if let Some(rest) = line.strip_prefix("if ") {
        return branch(rest, labels);
    }
    if let Some(rest) = line.strip_prefix("lock ") {
        return atomic_without_result(rest);
    }
    if line.starts_with("*(") {
        return store(line);
    }
    let (left, right) = line.split_once(" = ").or_else(|| line.split_once("= "))?;
    let mut symbol = "";
    let mut left = left.trim();
    if let Some((register, operator)) = left.split_once(' ') {
        (left, symbol) = (register, operator);
    }
    let (width, dst) = register(left)?;
    if symbol.is_empty() {
        assignment(width, dst, right.trim())
    } else {
        Some(Insn::Alu {
            width,
            op: operation(symbol)?,
            dst,
            src: operand(right)?,
        })
    }
}

fn label(text: &str, labels: &Labels<'_>) -> Option<u32> {
    labels.get(text.trim()).copied()
}

fn register(text: &str) -> Option<(Width, Reg)> {
    let text = text.trim();
    let width = match text.get(..1)? {
        "r" => Width::W64,
        "w" => Width::W32,
        _ => return None,
    };
    Some((width, Reg::new(text.get(1..)?.parse().ok()?)?))
}

fn operand(text: &str) -> Option<Operand> {
    if let Some((_, register)) = register(text) {
        return Some(Operand::Reg(register));
    }
    // An immediate may be written as the 32 bits that it has.
    let value = number(text)?;
    let signed = i32::try_from(value).ok();
    Some(Operand::Imm(signed.or_else(|| {
        Some(u32::try_from(value).ok()?.cast_signed())
    })?))
}

fn operation(symbol: &str) -> Option<AluOp> {
    Some(match symbol {
        "+" => AluOp::Add,
        "-" => AluOp::Sub,
        "*" => AluOp::Mul,
        "/" => AluOp::Div,
        "s/" => AluOp::SDiv,
        "|" => AluOp::Or,
        "&" => AluOp::And,
        "<<" => AluOp::Lsh,
        ">>" => AluOp::Rsh,
        "%" => AluOp::Mod,
        "s%" => AluOp::SMod,
        "^" => AluOp::Xor,
        "s>>" => AluOp::Arsh,
        _ => return None,
    })
}

fn assignment(width: Width, dst: Reg, right: &str) -> Option<Insn> {
    if let Some(value) = right.strip_suffix(" ll") {
        return Some(Insn::Wide {
            dst,
            value: wide(value)?,
        });
    }
    for (name, kind) in [
        ("le", SwapKind::ToLe),
        ("be", SwapKind::ToBe),
        ("bswap", SwapKind::Always),
    ] {
        if let Some(rest) = right.strip_prefix(name) {
            let width = match rest.split_once(' ')?.0 {
                "16" => SwapWidth::B16,
                "32" => SwapWidth::B32,
                "64" => SwapWidth::B64,
                _ => return None,
            };
            return Some(Insn::Swap { kind, width, dst });
        }
    }
    if let Some(rest) = right.strip_prefix("(s") {
        let (bits, src) = rest.split_once(')')?;
        return Some(Insn::MovSx {
            width,
            dst,
            src: register(src)?.1,
            from: size(bits)?,
        });
    }
    if right.starts_with("*(") {
        let (signed, size, base, off) = place(right)?;
        return Some(Insn::Load {
            size,
            signed,
            dst,
            base,
            off,
        });
    }
    if let Some((function, arguments)) = right.split_once('(') {
        return atomic(width, dst, function, arguments.strip_suffix(')')?);
    }
    if right.strip_prefix('-').and_then(register).is_some() {
        return Some(Insn::Neg { width, dst });
    }
    Some(Insn::Alu {
        width,
        op: AluOp::Mov,
        dst,
        src: operand(right)?,
    })
}

fn wide(text: &str) -> Option<Wide> {
    let bracketed = |text: &str| number(text.split_once('[')?.1.split_once(']')?.0);
    if text.starts_with("map") {
        return Some(Wide::Map(u32::try_from(bracketed(text)?).ok()?));
    }
    if text.starts_with("data") {
        return Some(Wide::Data {
            section: u32::try_from(bracketed(text)?).ok()?,
            offset: u32::try_from(number(text.split_once('+')?.1)?).ok()?,
        });
    }
    let value = number(text)?;
    let signed = i64::try_from(value).map(i64::cast_unsigned);
    Some(Wide::Number(signed.or_else(|_| u64::try_from(value)).ok()?))
}

fn size(bits: &str) -> Option<Size> {
    Some(match bits {
        "8" => Size::B1,
        "16" => Size::B2,
        "32" => Size::B4,
        "64" => Size::B8,
        _ => return None,
    })
}

/// `*(u8 *)(r1 + 0x0)`, with or without the first star.
fn place(text: &str) -> Option<(bool, Size, Reg, i16)> {
    let text = text.trim_start_matches('*').strip_prefix('(')?;
    let (kind, address) = text.split_once(" *)(")?;
    let (base, off) = address_of(address.split_once(')')?.0)?;
    Some((kind.starts_with('s'), size(kind.get(1..)?)?, base, off))
}

/// `r1 + 0x0`.
fn address_of(text: &str) -> Option<(Reg, i16)> {
    let (base, off) = text.trim().split_once(' ')?;
    let off: String = off.split_whitespace().collect();
    Some((register(base)?.1, i16::try_from(number(&off)?).ok()?))
}

fn store(line: &str) -> Option<Insn> {
    let (left, right) = line.split_once(" = ")?;
    let (_, size, base, off) = place(left)?;
    Some(Insn::Store {
        size,
        base,
        off,
        src: operand(right)?,
    })
}

/// `*(u32 *)(r1 + 0x8) += w2`.
fn atomic_without_result(text: &str) -> Option<Insn> {
    let (left, src) = text.split_once("= ")?;
    let (address, symbol) = left.rsplit_once(' ')?;
    let (_, size, base, off) = place(address)?;
    let fetch = false;
    let op = match symbol {
        "+" => AtomicOp::Add { fetch },
        "|" => AtomicOp::Or { fetch },
        "&" => AtomicOp::And { fetch },
        "^" => AtomicOp::Xor { fetch },
        _ => return None,
    };
    Some(Insn::Atomic {
        size,
        op,
        base,
        off,
        src: register(src)?.1,
    })
}

/// `atomic_fetch_add((u64 *)(r1 + 0x0), r2)`, `xchg_64(r1 + 0x0, r2)`, `cmpxchg_64(r1 + 0x0, r0, r2)`.
fn atomic(width: Width, dst: Reg, function: &str, arguments: &str) -> Option<Insn> {
    let size = match width {
        Width::W32 => Size::B4,
        Width::W64 => Size::B8,
    };
    let (address, operands) = arguments.split_once(", ")?;
    let fetch = true;
    let (op, address, src) = if let Some(name) = function.strip_prefix("atomic_fetch_") {
        let op = match name {
            "add" => AtomicOp::Add { fetch },
            "or" => AtomicOp::Or { fetch },
            "and" => AtomicOp::And { fetch },
            "xor" => AtomicOp::Xor { fetch },
            _ => return None,
        };
        let (_, _, base, off) = place(address)?;
        (op, (base, off), dst)
    } else if function.starts_with("xchg") {
        (AtomicOp::Exchange, address_of(address)?, dst)
    } else if function.starts_with("cmpxchg") {
        let (_, src) = operands.split_once(", ")?;
        (
            AtomicOp::CompareExchange,
            address_of(address)?,
            register(src)?.1,
        )
    } else {
        return None;
    };
    Some(Insn::Atomic {
        size,
        op,
        base: address.0,
        off: address.1,
        src,
    })
}

fn branch(text: &str, labels: &Labels<'_>) -> Option<Insn> {
    let (condition, target) = text.split_once(" goto ")?;
    let mut parts = condition.split_whitespace();
    let (width, dst) = register(parts.next()?)?;
    let cond = match parts.next()? {
        "==" => Cond::Eq,
        "!=" => Cond::Ne,
        "&" => Cond::Set,
        ">" => Cond::Gt,
        ">=" => Cond::Ge,
        "<" => Cond::Lt,
        "<=" => Cond::Le,
        "s>" => Cond::SGt,
        "s>=" => Cond::SGe,
        "s<" => Cond::SLt,
        "s<=" => Cond::SLe,
        _ => return None,
    };
    Some(Insn::Branch {
        width,
        cond,
        dst,
        src: operand(parts.next()?)?,
        target: label(target, labels)?,
    })
}
