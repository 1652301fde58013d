//! Proofs about eBPF images: PREVAIL on the Click platform, own checks, trial, sandbox.
