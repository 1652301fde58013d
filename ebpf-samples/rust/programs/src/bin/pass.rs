//! kind: filter
//! verdict: accept
//! cause: -
//!
//! Passes every packet.
#![no_std]
#![no_main]

use click_ebpf::{Context, Filter, filter};

filter!(pass);

fn pass(_: &Context) -> Filter {
    Filter::Pass
}
