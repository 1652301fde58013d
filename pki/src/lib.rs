//! Keys, certificates and trust bundles for signers of eBPF programs.
