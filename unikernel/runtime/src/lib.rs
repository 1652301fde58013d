//! eBPF runtime: maps, helpers, packets, fuel and the reference interpreter.
