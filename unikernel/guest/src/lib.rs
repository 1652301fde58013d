//! What the bootable image does that needs no machine to be tested on.
//!
//! `unikernel/image` is the part that touches the machine; everything that can be decided from bytes and
//! numbers is here, safe, and tested on the host. `bpfclick vm`, which starts an image, uses the same
//! definitions from the other side.
//!
//! | module | subject |
//! |---|---|
//! | [`start_info`] | what the loader left in memory: memory map, command line, modules |
//! | [`layout`] | where things lie in virtual memory, and what physical memory is for |
//! | [`page_table`] | page tables that cannot be writable and executable at once |
//! | [`frames`], [`spans`] | which page frames, and which addresses, are free |
//! | [`archive`] | the files of a module (cpio) |
//! | [`settings`] | the kernel's command line |
//! | [`clock`] | calendar and counter |
//! | [`programs`] | programs out of an archive, admitted |
//! | [`root`] | whom the image trusts |
//! | [`text`] | what goes to the serial line |
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![deny(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing
)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "a test fails by panicking"
    )
)]

extern crate alloc;

pub mod archive;
pub mod clock;
pub mod codes;
pub mod frames;
pub mod layout;
pub mod page_table;
pub mod programs;
pub mod root;
pub mod settings;
pub mod spans;
pub mod start_info;
pub mod text;
