//! `bpfclick`.
fn main() {}
