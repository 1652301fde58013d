#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bpf_oracles::statement(bytes));
