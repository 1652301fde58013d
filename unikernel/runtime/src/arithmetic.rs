//! Arithmetic and comparison, as RFC 9669 defines them. Section numbers are the RFC's.

use bpf_object::{AluOp, AtomicOp, Cond, Size, SwapKind, SwapWidth, Width};

use crate::number::{low8, low16, low32};

/// An immediate as an operand: sign-extended to 64 bits; of these a 32-bit operation uses the lower
/// half (4.1).
#[inline]
pub(crate) fn immediate(value: i32) -> u64 {
    i64::from(value).cast_unsigned()
}

/// Defines an operation for one width.
macro_rules! alu {
    ($name:ident, $unsigned:ty, $signed:ty, $low32:expr) => {
        #[inline]
        fn $name(op: AluOp, dst: $unsigned, src: $unsigned) -> $unsigned {
            let signed = (dst.cast_signed(), src.cast_signed());
            match op {
                AluOp::Add => dst.wrapping_add(src),
                AluOp::Sub => dst.wrapping_sub(src),
                AluOp::Mul => dst.wrapping_mul(src),
                AluOp::Div => dst.checked_div(src).unwrap_or(0),
                AluOp::SDiv if src == 0 => 0,
                // What is left fails for the smallest number and -1 alone: itself, and no rest.
                AluOp::SDiv => signed
                    .0
                    .checked_div(signed.1)
                    .map_or(dst, <$signed>::cast_unsigned),
                AluOp::Or => dst | src,
                AluOp::And => dst & src,
                // These shifts use the count modulo the width, which is the RFC's mask.
                AluOp::Lsh => dst.wrapping_shl($low32(src)),
                AluOp::Rsh => dst.wrapping_shr($low32(src)),
                AluOp::Arsh => signed.0.wrapping_shr($low32(src)).cast_unsigned(),
                AluOp::Mod => dst.checked_rem(src).unwrap_or(dst),
                AluOp::SMod if src == 0 => dst,
                AluOp::SMod => signed
                    .0
                    .checked_rem(signed.1)
                    .map_or(0, <$signed>::cast_unsigned),
                AluOp::Xor => dst ^ src,
                AluOp::Mov => src,
            }
        }
    };
}

alu!(alu64, u64, i64, low32);
alu!(alu32, u32, i32, core::convert::identity);

/// `dst op src`; a 32-bit result is zero-extended (4.1).
#[inline]
pub(crate) fn alu(width: Width, op: AluOp, dst: u64, src: u64) -> u64 {
    match width {
        Width::W64 => alu64(op, dst, src),
        Width::W32 => u64::from(alu32(op, low32(dst), low32(src))),
    }
}

/// `-value` (4.1).
pub(crate) fn negate(width: Width, value: u64) -> u64 {
    match width {
        Width::W64 => value.wrapping_neg(),
        Width::W32 => u64::from(low32(value).wrapping_neg()),
    }
}

/// The lower bytes of `value`, sign-extended to 64 bits (4.1, 5.2).
pub(crate) fn sign_extend(from: Size, value: u64) -> u64 {
    let extended = match from {
        Size::B1 => i64::from(low8(value).cast_signed()),
        Size::B2 => i64::from(low16(value).cast_signed()),
        Size::B4 => i64::from(low32(value).cast_signed()),
        Size::B8 => value.cast_signed(),
    };
    extended.cast_unsigned()
}

/// A move with sign extension to `width`; a 32-bit result is zero-extended (4.1).
pub(crate) fn move_extended(width: Width, from: Size, value: u64) -> u64 {
    let extended = sign_extend(from, value);
    match width {
        Width::W64 => extended,
        Width::W32 => u64::from(low32(extended)),
    }
}

/// Conversion of byte order; the bits above the width become zero (4.2). Memory is little-endian.
pub(crate) fn swap(kind: SwapKind, width: SwapWidth, value: u64) -> u64 {
    let reverse = match kind {
        SwapKind::ToLe => false,
        SwapKind::ToBe | SwapKind::Always => true,
    };
    match (width, reverse) {
        (SwapWidth::B16, false) => u64::from(low16(value)),
        (SwapWidth::B16, true) => u64::from(low16(value).swap_bytes()),
        (SwapWidth::B32, false) => u64::from(low32(value)),
        (SwapWidth::B32, true) => u64::from(low32(value).swap_bytes()),
        (SwapWidth::B64, false) => value,
        (SwapWidth::B64, true) => value.swap_bytes(),
    }
}

/// Whether the comparison holds (4.3).
#[inline]
pub(crate) fn holds(width: Width, cond: Cond, dst: u64, src: u64) -> bool {
    match width {
        Width::W64 => compare(cond, (dst, src), (dst.cast_signed(), src.cast_signed())),
        Width::W32 => {
            let (dst, src) = (low32(dst), low32(src));
            let signed = (i64::from(dst.cast_signed()), i64::from(src.cast_signed()));
            compare(cond, (u64::from(dst), u64::from(src)), signed)
        }
    }
}

#[inline]
const fn compare(cond: Cond, unsigned: (u64, u64), signed: (i64, i64)) -> bool {
    match cond {
        Cond::Eq => unsigned.0 == unsigned.1,
        Cond::Ne => unsigned.0 != unsigned.1,
        Cond::Set => unsigned.0 & unsigned.1 != 0,
        Cond::Gt => unsigned.0 > unsigned.1,
        Cond::Ge => unsigned.0 >= unsigned.1,
        Cond::Lt => unsigned.0 < unsigned.1,
        Cond::Le => unsigned.0 <= unsigned.1,
        Cond::SGt => signed.0 > signed.1,
        Cond::SGe => signed.0 >= signed.1,
        Cond::SLt => signed.0 < signed.1,
        Cond::SLe => signed.0 <= signed.1,
    }
}

/// What an atomic operation leaves in memory, given the `old` value there (5.3). A 32-bit operation
/// stores the lower half of it; `old` has no other bits then.
pub(crate) fn atomic(op: AtomicOp, size: Size, old: u64, src: u64, r0: u64) -> u64 {
    let expected = match size {
        Size::B4 => u64::from(low32(r0)),
        _ => r0,
    };
    match op {
        AtomicOp::Add { .. } => old.wrapping_add(src),
        AtomicOp::Or { .. } => old | src,
        AtomicOp::And { .. } => old & src,
        AtomicOp::Xor { .. } => old ^ src,
        AtomicOp::Exchange => src,
        AtomicOp::CompareExchange if old == expected => src,
        AtomicOp::CompareExchange => old,
    }
}
