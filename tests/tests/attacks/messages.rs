//! Bundles whose frame or signature is not what it must be. Where a key signs, it is the genuine
//! one: only the form can refuse them.

use crate::installation::{Installation, certificates};
use crate::lab::{CHECK, RUN};
use crate::pki::Pki;
use bpf_statement::{Purpose, Statement};

/// A COSE_Sign1 of which every part can be wrong.
#[derive(Clone)]
struct Message {
    /// The protected header's value of `alg`, encoded.
    algorithm: Vec<u8>,
    content_type: String,
    certificates: Vec<Vec<u8>>,
    /// The unprotected header, encoded.
    unprotected: Vec<u8>,
    external_aad: String,
    payload: Vec<u8>,
}

impl Message {
    /// A good one, the next version of the program.
    fn next(installation: &Installation, pki: &Pki) -> Self {
        let statement = Statement::new(installation.next_claims()).unwrap();
        Self {
            algorithm: head(1, 6), // -7, ES256
            content_type: Purpose::Statement.content_type().to_owned(),
            certificates: vec![pki.leaf_der(), pki.ca_der()],
            unprotected: head(5, 0),
            external_aad: Purpose::Statement.external_aad().to_owned(),
            payload: statement.encode(),
        }
    }

    fn protected(&self) -> Vec<u8> {
        let certificates: Vec<_> = self.certificates.iter().map(|der| bytes(der)).collect();
        [
            head(5, 3),
            head(0, 1),
            self.algorithm.clone(),
            head(0, 3),
            text(&self.content_type),
            head(0, 33),
            head(4, self.certificates.len()),
            certificates.concat(),
        ]
        .concat()
    }

    fn to_be_signed(&self) -> Vec<u8> {
        [
            head(4, 4),
            text("Signature1"),
            bytes(&self.protected()),
            bytes(self.external_aad.as_bytes()),
            bytes(&self.payload),
        ]
        .concat()
    }

    fn assemble(&self, signature: &[u8]) -> Vec<u8> {
        [
            head(6, 18),
            head(4, 4),
            bytes(&self.protected()),
            self.unprotected.clone(),
            bytes(&self.payload),
            bytes(signature),
        ]
        .concat()
    }

    fn signed(&self, pki: &Pki) -> Vec<u8> {
        self.assemble(&pki.leaf_key.sign(&self.to_be_signed()))
    }
}

/// The head of a CBOR item in its shortest form.
fn head(major: u8, value: usize) -> Vec<u8> {
    let [.., high, low] = value.to_be_bytes();
    match value {
        0..24 => vec![major << 5 | low],
        24..256 => vec![major << 5 | 24, low],
        _ => {
            assert!(value < 1 << 16);
            vec![major << 5 | 25, high, low]
        }
    }
}

fn bytes(content: &[u8]) -> Vec<u8> {
    [&head(2, content.len()), content].concat()
}

fn text(content: &str) -> Vec<u8> {
    [&head(3, content.len()), content.as_bytes()].concat()
}

/// An installation, the certificates of its signer, and the next bundle, all good.
fn good() -> (Installation, Pki, Message) {
    let (installation, pki) = (Installation::new(), certificates());
    let message = Message::next(&installation, &pki);
    (installation, pki, message)
}

#[test]
fn a00_a_message_built_by_hand_is_admitted() {
    let (mut installation, pki, message) = good();
    let lab = &mut installation.lab;
    lab.write("prog.o.bpfsig", &message.signed(&pki));
    lab.admit();
}

#[test]
fn a11_chains_of_other_lengths() {
    let (installation, pki, message) = good();
    let (leaf, ca, root) = (pki.leaf_der(), pki.ca_der(), pki.root_der());
    for certificates in [
        vec![],
        vec![leaf.clone()],
        vec![leaf.clone(), ca.clone(), root],
        vec![leaf.clone(), ca.clone(), ca.clone()],
        vec![vec![]; 1_000],
        vec![vec![], ca.clone()],
        vec![leaf.clone(), vec![0x30; 2049]],
    ] {
        let mut message = message.clone();
        message.certificates = certificates;
        installation.refused_bundle(&message.signed(&pki), "BPF-S007", 21);
    }
    // The right two in the wrong order.
    let mut message = message;
    message.certificates = vec![ca, leaf];
    installation.refused_bundle(&message.signed(&pki), "BPF-T005", 22);
}

#[test]
fn a14_messages_that_are_not_deterministic() {
    let (installation, pki, message) = good();
    let good = message.signed(&pki);
    let payload = message.payload.clone();
    // The tag, an array and a string in forms that are longer than they have to be; no tag; an array
    // of indefinite length; something behind the message.
    assert_eq!(good[..2], [0xd2, 0x84]);
    for (from, to) in [
        (0..1, vec![0xd8, 18]),
        (1..2, vec![0x98, 4]),
        (0..1, vec![]),
        (1..2, vec![0x9f]),
        (good.len()..good.len(), vec![0]),
    ] {
        let mut bytes = good.clone();
        bytes.splice(from, to);
        installation.refused_bundle(&bytes, "BPF-S001", 21);
    }
    // What is signed, with a key encoded longer, and with its last byte cut off.
    for payload in [
        [&[payload[0], 0x18, payload[1]], &payload[2..]].concat(),
        payload[..payload.len() - 1].to_vec(),
    ] {
        let mut message = message.clone();
        message.payload = payload;
        installation.refused_bundle(&message.signed(&pki), "BPF-S001", 21);
    }
}

#[test]
fn a15_signatures_in_other_forms() {
    /// The order of the group.
    const N: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let (installation, pki, message) = good();
    let low = pki.leaf_key.sign(&message.to_be_signed());
    let (r, s) = low.split_at(32);
    let high = pki.leaf_key.sign_high(&message.to_be_signed());
    for signature in [
        high.to_vec(),
        [&[0; 32], s].concat(),
        [r, &[0; 32]].concat(),
        [&N, s].concat(),
        [r, &N].concat(),
        [&[0xff; 32], s].concat(),
        vec![0; 64],
    ] {
        let bundle = message.assemble(&signature);
        installation.refused_bundle(&bundle, "BPF-T017", 21);
    }
    let der = p256::ecdsa::Signature::from_slice(&low).unwrap().to_der();
    for signature in [&low[..63], &low[..32], &[], der.as_bytes()] {
        let bundle = message.assemble(signature);
        installation.refused_bundle(&bundle, "BPF-S006", 21);
    }
    // Of the right form, for something else.
    let other = pki.leaf_key.sign(b"something else");
    installation.refused_bundle(&message.assemble(&other), "BPF-T018", 21);
}

/// 16: none, HMAC with SHA-256 and the public key as its key, ES384, EdDSA, PS256.
#[test]
fn a16_other_algorithms() {
    let (installation, pki, message) = good();
    for algorithm in [head(0, 0), head(0, 5), head(1, 34), head(1, 7), head(1, 36)] {
        let mut message = message.clone();
        message.algorithm = algorithm;
        installation.refused_bundle(&message.signed(&pki), "BPF-S004", 21);
    }
    // The name of an algorithm instead of its number.
    let mut message = message;
    message.algorithm = text("ES256");
    installation.refused_bundle(&message.signed(&pki), "BPF-S001", 21);
}

/// 17: a chain, a key identifier, an algorithm where the signature does not cover them.
#[test]
fn a17_unprotected_header() {
    let (installation, pki, message) = good();
    let chain = [head(5, 1), head(0, 33), bytes(&pki.leaf_der())].concat();
    let key_id = [head(5, 1), head(0, 4), bytes(b"signer")].concat();
    let algorithm = [head(5, 1), head(0, 1), head(0, 5)].concat();
    for unprotected in [chain, key_id, algorithm] {
        let mut message = message.clone();
        message.unprotected = unprotected;
        installation.refused_bundle(&message.signed(&pki), "BPF-S005", 21);
    }
}

/// 18: a message that was signed for another purpose, as it is and relabelled.
#[test]
fn a18_message_for_another_purpose() {
    let (installation, pki, message) = good();
    for purpose in [Purpose::Control, Purpose::Evidence] {
        let mut message = message.clone();
        message.content_type = purpose.content_type().to_owned();
        message.external_aad = purpose.external_aad().to_owned();
        let signature = pki.leaf_key.sign(&message.to_be_signed());
        installation.refused_bundle(&message.assemble(&signature), "BPF-S003", 21);
        message.content_type = Purpose::Statement.content_type().to_owned();
        installation.refused_bundle(&message.signed(&pki), "BPF-T018", 21);
    }
}

/// 38: lengths that promise what is not there, and nesting that no reader should follow.
#[test]
fn a38_lengths_and_nesting() {
    let (installation, pki, message) = good();
    let good = message.signed(&pki);
    // The protected header claims 4 GiB and 2^64 - 1 bytes.
    for claimed in [
        vec![0x5a, 0xff, 0xff, 0xff, 0xff],
        [[0x5b].as_slice(), &[0xff; 8]].concat(),
    ] {
        let mut bytes = good.clone();
        bytes.splice(2..5, claimed);
        installation.refused_bundle(&bytes, "BPF-S001", 21);
    }
    // Tags, arrays and maps, one in another, to the highest size there is.
    for nested in [0xc0, 0x81, 0xa1, 0x9f] {
        let bytes = vec![nested; 32 << 10];
        installation.refused_bundle(&bytes, "BPF-S001", 21);
        let mut message = message.clone();
        message.payload = vec![nested; 8 << 10];
        installation.refused_bundle(&message.signed(&pki), "BPF-S001", 21);
    }
}

/// 38: bundles and objects above their limits are not read.
#[test]
fn a38_files_that_are_too_large() {
    let (installation, ..) = good();
    let lab = &installation.lab;
    for name in ["prog.o.bpfsig", "prog.o"] {
        let before = lab.read(name);
        let file = std::fs::File::create(lab.path(name)).unwrap();
        file.set_len(4 << 30).unwrap();
        lab.refuses(CHECK, "BPF-P902", 3);
        lab.refuses(RUN, "BPF-C012", 3);
        drop(file);
        lab.write(name, &before);
    }
}
