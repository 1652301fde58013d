//! What is admitted, and what an admission holds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

mod common;

use bpf_loader::{Expectation, MemoryStore, Warning};
use bpf_object::ParseOptions;
use bpf_statement::{SandboxClass, Termination, Trial};
use common::{
    Case, PKI, TRUST, claims_with, fixture, fresh_state, name, now, sample, symbol, two_programs,
};
use platform_click::ProgramKind;

#[test]
fn a_signed_sample_is_admitted() {
    let case = Case::pass();
    let admission = case.admit(&fresh_state()).unwrap();
    assert_eq!(admission.statement().name(), &name("pass"));
    assert_eq!(admission.program().image().kind(), ProgramKind::Filter);
    assert_eq!(admission.programs().len(), 1);
    assert_eq!(admission.signer().key(), PKI.identity().leaf().key());
    assert_eq!(admission.trust().version, TRUST.version());
    assert_eq!(admission.now(), now());
    assert_eq!(admission.warnings(), []);
}

#[test]
fn every_sample_that_is_accepted_is_admitted() {
    for (sample_name, kind) in [
        ("drop", ProgramKind::Filter),
        ("rate-limiter", ProgramKind::Filter),
        ("round-robin", ProgramKind::Classifier),
        ("strip-ether-vlan-header", ProgramKind::Rewriter),
        ("target-port", ProgramKind::Filter),
    ] {
        let case = Case::signed(sample(sample_name), sample_name, kind, |_| {});
        let admission = case.admit(&fresh_state()).unwrap();
        assert_eq!(admission.program().image().kind(), kind, "{sample_name}");
    }
}

#[test]
fn an_admission_changes_nothing_until_it_is_committed() {
    let case = Case::pass();
    let mut store = MemoryStore::new(fresh_state());
    let admission = case.admit(store.snapshot()).unwrap();
    assert_eq!(*store.snapshot(), fresh_state());
    let image = admission.program().image().clone();

    let admitted = admission.commit(&mut store).unwrap();
    assert_eq!(admitted.program().image(), &image);
    let record = store.snapshot().record(&name("pass")).unwrap();
    assert_eq!(record.counter, 1);
    assert_eq!(store.snapshot().generation, 2);
    assert_eq!(store.log().lines().count(), 1);
    assert!(
        store
            .log()
            .starts_with("1 2026-12-01T00:00:00Z admit name=pass counter=1 ")
    );
}

#[test]
fn one_of_several_programs_is_chosen_by_name() {
    let mut case = Case::signed(two_programs(), "two", ProgramKind::Classifier, |_| {});
    case.program_mut().name = Some(symbol("sort"));
    let admission = case.admit(&fresh_state()).unwrap();
    assert_eq!(admission.program().claims().name, symbol("sort"));
    assert_eq!(admission.programs().len(), 2);
}

#[test]
fn an_object_as_a_whole_needs_no_choice() {
    let mut case = Case::signed(two_programs(), "two", ProgramKind::Filter, |_| {});
    case.expectation = Expectation::object(vec![name("other"), name("two")]);
    let admission = case.admit(&fresh_state()).unwrap();
    let names = admission.programs().iter();
    let names: Vec<_> = names
        .map(|program| program.claims().name.as_str())
        .collect();
    assert_eq!(names, ["count", "sort"]);
}

/// The section `bpffilter` does not say of what kind its programs are; the statement does, and the
/// image depends on it.
#[test]
fn the_statement_gives_the_kind_of_programs_in_the_legacy_section() {
    let object = fixture("legacy");
    for kind in [ProgramKind::Filter, ProgramKind::Classifier] {
        let claims = claims_with("legacy", &object, ParseOptions { bpffilter: kind });
        let mut case = Case::pass();
        case.bundle = Some(PKI.sign(claims));
        case.object = object.clone();
        case.expectation.names = vec![name("legacy")];
        case.program_mut().kind = kind;
        case.program_mut().name = Some(symbol("by_port"));
        let admission = case.admit(&fresh_state()).unwrap();
        assert_eq!(admission.program().image().kind(), kind);
    }
}

#[test]
fn a_classifier_with_as_many_outputs_as_it_may_name() {
    let object = sample("round-robin");
    let mut case = Case::signed(object, "round-robin", ProgramKind::Classifier, |_| {});
    case.program_mut().outputs = Some(4);
    assert!(case.admit(&fresh_state()).is_ok());
}

#[test]
fn maps_that_fit_those_that_run_and_the_memory() {
    let mut case = Case::filter("rate-limiter", |_| {});
    let maps = case.admit(&fresh_state()).unwrap();
    let maps = maps.program().image().maps().to_vec();
    assert!(!maps.is_empty());
    case.expectation.running_maps = maps;
    case.expectation.map_memory = Some(1024 * (4 + 8));
    assert!(case.admit(&fresh_state()).is_ok());
}

#[test]
fn what_leaves_to_be_desired_is_said() {
    let mut case = Case::filter("pass", |claims| {
        claims.engines.truncate(1);
        claims.sandbox = SandboxClass::Limits;
        claims.trial = Trial::default();
        claims.termination = Termination::Fuel;
        claims.profile.check_termination = false;
    });
    case.trust = PKI.trust(|contents| {
        contents.version = 2;
        contents.accepts_fuel = true;
    });
    let admission = case.admit(&fresh_state()).unwrap();
    assert_eq!(
        admission.warnings(),
        [
            Warning::OneEngine(name("prevail")),
            Warning::Sandbox(SandboxClass::Limits),
            Warning::NoTrial,
            Warning::Fuel,
        ]
    );
    for warning in admission.warnings() {
        assert!(!warning.to_string().ends_with('.'));
    }
}

/// The same files give the same answer: nothing is read but what is asked about.
#[test]
fn admission_is_repeatable() {
    let case = Case::pass();
    let mut store = MemoryStore::new(fresh_state());
    for _ in 0..3 {
        case.commit(&mut store).unwrap();
    }
    assert_eq!(store.snapshot().records.len(), 1);
    assert_eq!(store.snapshot().generation, 4);
}
