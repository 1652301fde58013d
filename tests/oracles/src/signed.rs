//! What is signed: statements, bundles and trust bundles.

use bpf_statement::{Bundle, Purpose, Sign1, Statement};
use bpf_trust::UnverifiedTrustBundle;

/// A statement that is decoded is encoded to the same bytes.
pub fn statement(bytes: &[u8]) {
    if let Ok(statement) = Statement::decode(bytes) {
        assert_eq!(statement.encode(), bytes, "encoded again");
        let again = Statement::new(statement.claims().clone());
        assert_eq!(again, Ok(statement), "its claims keep the rules");
    }
}

/// A bundle that is read is within the size for it and made of parts of the bytes. What is signed
/// holds the payload, and its payload is a statement or not.
pub fn bundle(bytes: &[u8]) {
    let Ok(bundle) = Bundle::parse(bytes) else {
        return;
    };
    assert!(bytes.len() <= Purpose::Statement.max_size(), "the size");
    let (leaf, ca) = bundle.certificates();
    let parts = [leaf, ca, bundle.payload(), bundle.signature()];
    let length: usize = parts.iter().map(|part| part.len()).sum();
    assert!(length < bytes.len(), "parts longer than the whole");
    for part in parts {
        let range = bytes.as_ptr_range();
        let inside = part.as_ptr_range();
        assert!(range.start <= inside.start && inside.end <= range.end);
    }
    assert!(bundle.to_be_signed().ends_with(bundle.payload()));
    let unsigned = Sign1::parse(Purpose::Statement, bytes).expect("read before");
    assert_eq!(unsigned.payload(), bundle.payload());
    statement(bundle.payload());
}

/// A trust bundle that is read names its signers in order and once; without their keys' signatures
/// nobody believes it.
pub fn trust_bundle(bytes: &[u8]) {
    let Ok(bundle) = UnverifiedTrustBundle::parse(bytes) else {
        return;
    };
    let signers: Vec<_> = bundle.signers().collect();
    assert!(signers.is_sorted_by(|one, next| one < next), "signers");
    if let Ok(bundle) = bundle.provision() {
        assert!(!signers.is_empty(), "believed without a signature");
        let again = UnverifiedTrustBundle::parse(bytes).expect("read before");
        assert!(bundle.successor(again).is_err(), "its own successor");
    }
}
