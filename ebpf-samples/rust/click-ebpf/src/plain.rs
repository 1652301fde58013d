//! Values that any bytes are a value of.

/// # Safety
/// Every sequence of as many bytes is a value, and the type has no padding.
pub unsafe trait Plain: Copy {}

// SAFETY: numbers are.
unsafe impl Plain for u8 {}
// SAFETY: numbers are.
unsafe impl Plain for u16 {}
// SAFETY: numbers are.
unsafe impl Plain for u32 {}
// SAFETY: numbers are.
unsafe impl Plain for u64 {}
// SAFETY: an array has no padding between its elements.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}
