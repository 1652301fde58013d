//! The signer, deceived.

use crate::lab::{Lab, sample};

/// 46: while the verifier proves `prog.o`, somebody puts `next.o` in its place.
#[test]
fn a46_object_swapped_while_it_is_verified() {
    let lab = Lab::new();
    let old_bundle = lab.read("prog.o.bpfsig");
    let bad = e2e::root().join("ebpf-samples/reject/missing-bounds-check.o");
    let bad = std::fs::read(bad).unwrap();
    lab.write("next.o", &bad);
    let ended = lab.run("bpfsign-swapped verify-and-sign prog.o --key pki/signer.pem");
    assert_eq!((ended.code(), ended.exit), ("BPF-P904", 31), "{ended}");
    assert_eq!(ended.out, "");
    // It was swapped, and nothing was signed: neither what was there before nor what is there now.
    assert_eq!(lab.read("prog.o"), bad);
    assert_eq!(lab.read("prog.o.bpfsig"), old_bundle);
    lab.loader_refuses("BPF-L003", 25);
}

/// 46: the same the other way round. What is there now would be accepted; what was verified, and
/// therefore decides, is not.
#[test]
fn a46_rejected_object_swapped_for_a_good_one() {
    let lab = Lab::new();
    let bad = e2e::root().join("ebpf-samples/reject/missing-bounds-check.o");
    lab.write("prog.o", &std::fs::read(bad).unwrap());
    lab.write("next.o", &sample("pass"));
    let old_bundle = lab.read("prog.o.bpfsig");
    let ended = lab.run("bpfsign-swapped verify-and-sign prog.o --key pki/signer.pem");
    assert_eq!((ended.code(), ended.exit), ("BPF-V001", 10), "{ended}");
    assert_eq!(lab.read("prog.o"), sample("pass"));
    assert_eq!(lab.read("prog.o.bpfsig"), old_bundle);
}
