//! `bpfsign`.
fn main() {}
