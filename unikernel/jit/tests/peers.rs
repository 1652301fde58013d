//! rbpf, the peer that everybody knows, on the vectors of `tests/conformance/`: a third opinion.
//!
//! Where it disagrees with RFC 9669 is in the ledger `rbpf.txt`. A disagreement that is not there fails,
//! since ours might be the mistake; so does one that is there and is no more, since the ledger would
//! hide the next.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

mod assembler;
mod vectors;

use core::panic::AssertUnwindSafe;
use std::collections::BTreeSet;
use std::panic::catch_unwind;

use bpf_object::RawInsn;
use platform_click::PacketContext;
use vectors::{Case, cases};

/// Files whose programs call no helper: the functions behind the numbers are ours.
const FILES: &[&str] = &[
    "alu64.txt",
    "alu32.txt",
    "divide.txt",
    "extend.txt",
    "branch.txt",
    "memory.txt",
    "atomic.txt",
    "jump.txt",
];

/// What rbpf's interpreter leaves of a case.
fn interpret(case: &Case, code: &[u8]) -> Option<(u64, Vec<u8>)> {
    let mut machine = rbpf::EbpfVmMbuff::new(Some(code)).ok()?;
    let packet = case.memory.clone();
    let bytes = packet.as_ptr_range();
    let context = PacketContext {
        data: bytes.start as u64,
        data_end: bytes.end as u64,
        port: 3,
        mark: 5,
        rx_time_ns: 1 << 40,
        delay_ns: 7,
    };
    let size = size_of::<PacketContext>();
    // SAFETY: the bytes of a local variable without padding.
    let context = unsafe { core::slice::from_raw_parts((&raw const context).cast(), size) };
    machine.register_allowed_memory(0..u64::MAX);
    let value = machine.execute_program(&packet, context).ok()?;
    Some((value, packet))
}

fn agrees(case: &Case) -> bool {
    let code: Vec<u8> = case
        .code
        .iter()
        .copied()
        .flat_map(RawInsn::to_bytes)
        .collect();
    let left = catch_unwind(AssertUnwindSafe(|| interpret(case, &code)));
    let Ok(Some((value, packet))) = left else {
        return false;
    };
    value == case.value
        && case
            .packet
            .as_ref()
            .is_none_or(|expected| *expected == packet)
}

#[test]
fn rbpf_disagrees_where_the_ledger_says() {
    // Its panics are known; their messages would hide ours.
    std::panic::set_hook(Box::new(|_| {}));
    let mut found = BTreeSet::new();
    for file in FILES {
        let wrong = cases(file).into_iter().filter(|case| !agrees(case));
        found.extend(wrong.map(|case| format!("{file}: {}", case.subject)));
    }
    drop(std::panic::take_hook());
    let ledger = include_str!("rbpf.txt")
        .lines()
        .filter(|line| !line.starts_with('#'));
    let ledger: BTreeSet<String> = ledger.map(str::to_owned).collect();
    let new: Vec<_> = found.difference(&ledger).collect();
    let gone: Vec<_> = ledger.difference(&found).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "new: {new:#?}, gone: {gone:#?}"
    );
}
