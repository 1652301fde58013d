//! What a program for Click's BPF elements needs: its context, packets read through checks, maps, helpers.
//!
//! ```ignore
//! #![no_std]
//! #![no_main]
//! use click_ebpf::{Context, Filter, filter};
//!
//! filter!(pass);
//!
//! fn pass(_: &Context) -> Filter {
//!     Filter::Pass
//! }
//! ```
#![no_std]

mod context;
mod helpers;
mod maps;
pub mod net;
mod plain;

pub use context::Context;
pub use helpers::{ktime_get_ns, prandom_u32};
pub use maps::{Array, HashMap, LpmTrie, LruHashMap, Prefix};
pub use plain::Plain;

/// What a filter says of a packet.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Filter {
    /// Something was wrong; the packet is dropped.
    Abort = 0,
    /// The packet is dropped.
    Drop = 1,
    /// The packet goes on.
    Pass = 2,
}

/// What a rewriter says of a packet.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Rewriter {
    /// Something was wrong; the packet is dropped.
    Abort = 0,
    /// The packet goes on.
    Success = 1,
}

/// Makes a function the filter of this object.
#[macro_export]
macro_rules! filter {
    ($function:ident) => {
        $crate::program!($function, "filter");
    };
}

/// Makes a function the rewriter of this object.
#[macro_export]
macro_rules! rewriter {
    ($function:ident) => {
        $crate::program!($function, "rewriter");
    };
}

/// An entry point in a section, and what Rust wants of a program without `std`.
#[doc(hidden)]
#[macro_export]
macro_rules! program {
    ($function:ident, $section:literal) => {
        mod entry {
            #[unsafe(no_mangle)]
            #[unsafe(link_section = $section)]
            extern "C" fn $function(context: *mut $crate::RawContext) -> u32 {
                // SAFETY: an element runs its program with a context of its own.
                let context = unsafe { $crate::Context::new(context) };
                super::$function(&context) as u32
            }
        }

        /// No program that is proved safe comes here.
        #[panic_handler]
        fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
            loop {}
        }
    };
}

#[doc(hidden)]
pub use context::RawContext;
