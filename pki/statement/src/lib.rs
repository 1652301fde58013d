//! What a signer says about a verified eBPF object, and the COSE bundle that carries it.
