//! Single instructions and lists of them.

use bpf_object::{Insn, RawInsn};

/// Slots are read as they lie in memory, and a list of instructions that is decoded is encoded to the
/// same slots, and can be shown.
pub fn isa(bytes: &[u8]) {
    let (slots, _) = bytes.as_chunks();
    let slots: Vec<RawInsn> = slots
        .iter()
        .map(|slot| {
            let raw = RawInsn::from_bytes(*slot);
            assert_eq!(raw.to_bytes(), *slot, "a slot");
            raw
        })
        .collect();
    for slot in &slots {
        decoded(core::slice::from_ref(slot));
    }
    decoded(&slots);
}

fn decoded(slots: &[RawInsn]) {
    if let Ok(code) = Insn::decode_all(slots) {
        assert_eq!(Insn::encode_all(&code), slots, "encoded again");
        for (slot, insn) in (0..).zip(&code) {
            assert!(!insn.relative_to(slot).to_string().is_empty());
        }
    }
}
