//! Disassembly, in the syntax of `llvm-objdump-19 -d --mcpu=v4`.
//!
//! Four things differ, since an [`Insn`] is a meaning and not bytes: a jump shows the slot that it
//! leads to ([`Insn::relative_to`] shows the distance, as LLVM does) and is `goto` in its long form
//! (`gotol`) too, a call of a function is told from a call of a helper, and a wide load shows what it
//! refers to.

use core::fmt;

use super::{AluOp, AtomicOp, Cond, Insn, Operand, Reg, Size, SwapKind, Wide, Width};

impl Insn {
    /// The instruction as text with its target as a distance from `slot`, in which it stands.
    #[must_use]
    pub const fn relative_to(self, slot: u32) -> impl fmt::Display {
        Relative { insn: self, slot }
    }
}

/// Targets are slots: `if r1 == 0x0 goto 12`.
impl fmt::Display for Insn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_insn(f, *self, |f, target| write!(f, "{target}"))
    }
}

/// Targets are distances: `if r1 == 0x0 goto +0x3`.
struct Relative {
    insn: Insn,
    slot: u32,
}

impl fmt::Display for Relative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_insn(f, self.insn, |f, target| {
            let next = i64::from(self.slot).saturating_add(1);
            let distance = i64::from(target).saturating_sub(next);
            let sign = if distance < 0 { '-' } else { '+' };
            write!(f, "{sign}{:#x}", distance.unsigned_abs())
        })
    }
}

type WriteTarget<'t> = &'t dyn Fn(&mut fmt::Formatter<'_>, u32) -> fmt::Result;

fn write_insn(
    f: &mut fmt::Formatter<'_>,
    insn: Insn,
    write_target: impl Fn(&mut fmt::Formatter<'_>, u32) -> fmt::Result,
) -> fmt::Result {
    match insn {
        Insn::Alu {
            width,
            op,
            dst,
            src,
        } => {
            let (dst, src) = (View(dst, width), OperandView(src, width));
            write!(f, "{dst} {}= {src}", alu_symbol(op))
        }
        Insn::MovSx {
            width,
            dst,
            src,
            from,
        } => write!(
            f,
            "{} = (s{}){}",
            View(dst, width),
            bits(from),
            View(src, width)
        ),
        Insn::Neg { width, dst } => write!(f, "{0} = -{0}", View(dst, width)),
        Insn::Swap { kind, width, dst } => {
            let name = match kind {
                SwapKind::ToLe => "le",
                SwapKind::ToBe => "be",
                SwapKind::Always => "bswap",
            };
            write!(f, "{dst} = {name}{} {dst}", width.bits())
        }
        Insn::Wide { dst, value } => match value {
            Wide::Number(number) => write!(f, "{dst} = {number:#x} ll"),
            Wide::Map(index) => write!(f, "{dst} = map[{index}] ll"),
            Wide::Data { section, offset } => {
                write!(f, "{dst} = data[{section}] + {offset:#x} ll")
            }
        },
        Insn::WideTail => f.write_str("(second half)"),
        Insn::Load {
            size,
            signed,
            dst,
            base,
            off,
        } => {
            // A narrow load zeroes the upper half, as everything that writes `w` does.
            let width = if signed { Width::W64 } else { width_of(size) };
            let sign = if signed { 's' } else { 'u' };
            let address = Address(base, off);
            write!(
                f,
                "{} = *({sign}{} *)({address})",
                View(dst, width),
                bits(size)
            )
        }
        Insn::Store {
            size,
            base,
            off,
            src,
        } => {
            let (address, src) = (Address(base, off), OperandView(src, width_of(size)));
            write!(f, "*(u{} *)({address}) = {src}", bits(size))
        }
        Insn::Atomic {
            size,
            op,
            base,
            off,
            src,
        } => write_atomic(f, size, op, Address(base, off), src),
        Insn::Jump { target } => write_jump(f, "goto", target, &write_target),
        Insn::Branch {
            width,
            cond,
            dst,
            src,
            target,
        } => {
            let (dst, src) = (View(dst, width), OperandView(src, width));
            write!(f, "if {dst} {} {src} ", cond_symbol(cond))?;
            write_jump(f, "goto", target, &write_target)
        }
        Insn::CallHelper { id } => write!(f, "call {id:#x}"),
        Insn::CallLocal { target } => write_jump(f, "call slot", target, &write_target),
        Insn::Exit => f.write_str("exit"),
    }
}

fn write_jump(
    f: &mut fmt::Formatter<'_>,
    verb: &str,
    target: u32,
    write_target: WriteTarget<'_>,
) -> fmt::Result {
    write!(f, "{verb} ")?;
    write_target(f, target)
}

fn write_atomic(
    f: &mut fmt::Formatter<'_>,
    size: Size,
    op: AtomicOp,
    address: Address,
    src: Reg,
) -> fmt::Result {
    let (width, bits) = (width_of(size), bits(size));
    let src = View(src, width);
    // LLVM names the exchanges after both the operand and, at 32 bits, the register.
    let suffix = if width == Width::W32 { "32_32" } else { "_64" };
    let (symbol, name, fetch) = match op {
        AtomicOp::Add { fetch } => ('+', "add", fetch),
        AtomicOp::Or { fetch } => ('|', "or", fetch),
        AtomicOp::And { fetch } => ('&', "and", fetch),
        AtomicOp::Xor { fetch } => ('^', "xor", fetch),
        AtomicOp::Exchange => return write!(f, "{src} = xchg{suffix}({address}, {src})"),
        AtomicOp::CompareExchange => {
            let r0 = View(Reg::R0, width);
            return write!(f, "{r0} = cmpxchg{suffix}({address}, {r0}, {src})");
        }
    };
    if fetch {
        write!(
            f,
            "{src} = atomic_fetch_{name}((u{bits} *)({address}), {src})"
        )
    } else {
        write!(f, "lock *(u{bits} *)({address}) {symbol}= {src}")
    }
}

/// A register as an operation of this width sees it: `r1`, or `w1` for its lower half.
struct View(Reg, Width);

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self.1 {
            Width::W32 => 'w',
            Width::W64 => 'r',
        };
        write!(f, "{letter}{}", self.0.number())
    }
}

struct OperandView(Operand, Width);

impl fmt::Display for OperandView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Operand::Reg(reg) => View(reg, self.1).fmt(f),
            Operand::Imm(imm) => {
                let sign = if imm < 0 { "-" } else { "" };
                write!(f, "{sign}{:#x}", imm.unsigned_abs())
            }
        }
    }
}

/// A base register and an offset.
struct Address(Reg, i16);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.1 < 0 { '-' } else { '+' };
        write!(f, "{} {sign} {:#x}", self.0, self.1.unsigned_abs())
    }
}

const fn width_of(size: Size) -> Width {
    match size {
        Size::B1 | Size::B2 | Size::B4 => Width::W32,
        Size::B8 => Width::W64,
    }
}

const fn bits(size: Size) -> u8 {
    match size {
        Size::B1 => 8,
        Size::B2 => 16,
        Size::B4 => 32,
        Size::B8 => 64,
    }
}

/// What stands before the `=`.
const fn alu_symbol(op: AluOp) -> &'static str {
    match op {
        AluOp::Add => "+",
        AluOp::Sub => "-",
        AluOp::Mul => "*",
        AluOp::Div => "/",
        AluOp::SDiv => "s/",
        AluOp::Or => "|",
        AluOp::And => "&",
        AluOp::Lsh => "<<",
        AluOp::Rsh => ">>",
        AluOp::Mod => "%",
        AluOp::SMod => "s%",
        AluOp::Xor => "^",
        AluOp::Mov => "",
        AluOp::Arsh => "s>>",
    }
}

const fn cond_symbol(cond: Cond) -> &'static str {
    match cond {
        Cond::Eq => "==",
        Cond::Ne => "!=",
        Cond::Set => "&",
        Cond::Gt => ">",
        Cond::Ge => ">=",
        Cond::Lt => "<",
        Cond::Le => "<=",
        Cond::SGt => "s>",
        Cond::SGe => "s>=",
        Cond::SLt => "s<",
        Cond::SLe => "s<=",
    }
}
