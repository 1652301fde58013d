//! Signers who are none for this loader, as its user sees it. (Every variant is in `attacks`.)

use rcgen::{DnType, IsCa};

use crate::installation::{Installation, bundle_with_chain, certificates_with};
use crate::lab::{CHECK, Transcript, now};
use crate::pki::{DAY, Key, Pki, date, scope};

/// What is wrong with the certificates.
type Change<'a> = &'a dyn Fn(&mut Pki);

#[test]
fn signers_that_are_none() {
    let installation = Installation::new();
    let ended = date(now().saturating_sub(DAY / 2));
    let start = date(now().saturating_add(DAY));
    let mut seen = Transcript::default();
    let cases: [(&str, &str, i32, Change<'_>); 10] = [
        ("foreign root of the same name", "BPF-T012", 22, &|pki| {
            pki.root_key = Key::new("another root");
        }),
        ("foreign root", "BPF-T010", 22, &|pki| {
            let name = &mut pki.root.distinguished_name;
            name.push(DnType::CommonName, "another root");
        }),
        ("expired", "BPF-T013", 23, &|pki| pki.leaf.not_after = ended),
        ("not yet valid", "BPF-T014", 23, &|pki| {
            pki.leaf.not_before = start;
        }),
        ("wrong extended key usage", "BPF-T008", 22, &|pki| {
            pki.leaf.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::CodeSigning];
        }),
        ("no extended key usage", "BPF-T008", 22, &|pki| {
            pki.leaf.extended_key_usages = vec![];
        }),
        ("no key usage", "BPF-T007", 22, &|pki| {
            pki.leaf.key_usages = vec![];
        }),
        ("a leaf that says it is a CA", "BPF-T005", 22, &|pki| {
            pki.leaf.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        }),
        ("another name", "BPF-T019", 28, &|pki| {
            pki.leaf.custom_extensions = vec![scope(7, &["edge-"])];
        }),
        ("no scope", "BPF-T004", 22, &|pki| {
            pki.leaf.custom_extensions = vec![];
        }),
    ];
    for (what, code, exit, change) in cases {
        let pki = certificates_with(change);
        let (leaf, ca) = (pki.leaf_der(), pki.ca_der());
        let bundle = bundle_with_chain(&pki, &leaf, &ca, installation.next_claims());
        let genuine = installation.lab.read("prog.o.bpfsig");
        installation.lab.write("prog.o.bpfsig", &bundle);
        seen.add(what, &installation.lab.refuses(CHECK, code, exit));
        installation.lab.write("prog.o.bpfsig", &genuine);
    }
    insta::assert_snapshot!("signers_that_are_none", seen.text());
}

#[test]
fn certificates_in_the_place_of_others() {
    let installation = Installation::new();
    let pki = certificates_with(|_| {});
    let (leaf, ca) = (pki.leaf_der(), pki.ca_der());
    let mut seen = Transcript::default();
    for (what, first, second, code) in [
        ("a CA used as leaf", &ca, &ca, "BPF-T005"),
        ("a leaf used as CA", &leaf, &leaf, "BPF-T006"),
    ] {
        let bundle = bundle_with_chain(&pki, first, second, installation.next_claims());
        let genuine = installation.lab.read("prog.o.bpfsig");
        installation.lab.write("prog.o.bpfsig", &bundle);
        seen.add(what, &installation.lab.refuses(CHECK, code, 22));
        installation.lab.write("prog.o.bpfsig", &genuine);
    }
    insta::assert_snapshot!("certificates_in_the_place_of_others", seen.text());
}
