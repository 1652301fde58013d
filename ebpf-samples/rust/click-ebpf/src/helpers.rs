//! The runtime's functions, by the numbers of the platform table.
#![allow(
    clippy::missing_transmute_annotations,
    reason = "the table below gives the types"
)]

macro_rules! helpers {
    ($($(#[$doc:meta])* $number:literal $name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        $($(#[$doc])*
        #[inline(always)]
        pub(crate) unsafe fn $name($($argument: $type),*) -> $result {
            // SAFETY: a call of a small constant is a call of the helper with this number.
            let helper: unsafe extern "C" fn($($type),*) -> $result =
                unsafe { core::mem::transmute($number as usize) };
            // SAFETY: the caller's promise.
            unsafe { helper($($argument),*) }
        })*
    };
}

helpers! {
    1 map_lookup_elem(map: *const u8, key: *const u8) -> *mut u8;
    2 map_update_elem(map: *const u8, key: *const u8, value: *const u8, flags: u64) -> i64;
    3 map_delete_elem(map: *const u8, key: *const u8) -> i64;
    5 ktime() -> u64;
    7 prandom() -> u32;
}

/// Nanoseconds of a monotonic clock.
#[inline(always)]
pub fn ktime_get_ns() -> u64 {
    // SAFETY: the helper takes nothing.
    unsafe { ktime() }
}

/// A pseudo-random number; not for secrets.
#[inline(always)]
pub fn prandom_u32() -> u32 {
    // SAFETY: the helper takes nothing.
    unsafe { prandom() }
}
