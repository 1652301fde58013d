//! Each reason to refuse, by its diagnostic. Numbers are those of the attacks in `docs/attacks.md`.
//!
//! `admit` takes the state by shared reference, so a refusal cannot change it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

mod common;

use bpf_loader::{Refusal, codes};
use bpf_object::{Insn, MapDef, Object, ParseOptions};
use bpf_pki::{SecretKey, Signer, sign_statement};
use bpf_statement::{
    BundleBuilder, Claims, ExitRange, MapSync, Purpose, SlotRange, Statement, Termination,
    Unreached, Unsigned, Version, Way, codes as statement_codes,
};
use bpf_trust::{MinEngine, MinEpoch, codes as trust_codes};
use common::{
    Case, DAY, PKI, Pki, claims, claims_with, fixture, fresh_state, name, now, sample, symbol,
    text, two_programs,
};
use platform_click::{Code, Digest, ExitCode, HelperId, ProgramKind, limits};

/// What a test changes about an honest statement.
type Change = fn(&mut Claims);

#[track_caller]
fn refused(case: &Case, code: Code, exit: ExitCode) -> Refusal {
    let refusal = case.refusal();
    assert_eq!(refusal.code(), code, "{refusal}");
    assert_eq!(refusal.exit_code(), exit, "{refusal}");
    refusal
}

#[test]
fn no_bundle() {
    let mut case = Case::pass();
    case.bundle = None;
    refused(&case, codes::NO_BUNDLE, ExitCode::NoBundle);
}

/// 38: nothing is read of what is too large.
#[test]
fn an_object_that_is_empty_or_too_large() {
    let mut case = Case::pass();
    for size in [0, limits::MAX_OBJECT_SIZE + 1] {
        case.object = vec![0; size];
        let refusal = refused(&case, codes::OBJECT_SIZE, ExitCode::Input);
        assert_eq!(refusal, Refusal::ObjectSize(size));
    }
}

#[test]
fn a_bundle_that_is_cut_off_anywhere() {
    let mut case = Case::pass();
    let bundle = case.bundle.take().unwrap();
    for len in 0..bundle.len() {
        case.bundle = Some(bundle[..len].to_vec());
        refused(&case, statement_codes::ENCODING, ExitCode::Signature);
    }
}

/// No bit of a bundle can be flipped: what the signature does not cover is fixed by the form.
#[test]
fn a_bundle_with_any_flipped_bit() {
    let mut case = Case::pass();
    let bundle = case.bundle.take().unwrap();
    for bit in (0..bundle.len() * 8).step_by(7) {
        let mut flipped = bundle.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        case.bundle = Some(flipped);
        let exit = case.refusal().exit_code();
        let expected = [ExitCode::Signature, ExitCode::Untrusted, ExitCode::Validity];
        assert!(expected.contains(&exit), "bit {bit}: {exit:?}");
    }
}

/// 18: an operator's message, signed by a verifier, passed off as a bundle.
#[test]
fn a_message_for_another_purpose() {
    let mut case = Case::pass();
    let statement = Statement::new(claims("pass", &case.object)).unwrap();
    let identity = PKI.identity();
    let (leaf, ca) = identity.chain();
    let chain = bpf_statement::Chain { leaf, ca };
    let message = Unsigned::new(Purpose::Control, chain, statement.encode()).unwrap();
    let signature = PKI.leaf_key.sign(&message.to_be_signed()).unwrap();
    case.bundle = Some(message.assemble(&signature));
    refused(&case, statement_codes::PURPOSE, ExitCode::Signature);

    // The same signature in a frame that says "statement".
    let builder = BundleBuilder::new(&statement, leaf, ca).unwrap();
    case.bundle = Some(builder.assemble(&signature));
    refused(&case, trust_codes::SIGNATURE, ExitCode::Signature);
}

/// 7: another organisation with the same names.
#[test]
fn a_signer_of_another_root() {
    let foreign = Pki::new("tests");
    let mut case = Case::pass();
    case.bundle = Some(foreign.sign(claims("pass", &case.object)));
    refused(&case, trust_codes::CHAIN_SIGNATURE, ExitCode::Untrusted);
    let foreign = Pki::new("others");
    case.bundle = Some(foreign.sign(claims("pass", &case.object)));
    refused(&case, trust_codes::UNKNOWN_ISSUER, ExitCode::Untrusted);
}

/// 8: the CA's key signs.
#[test]
fn a_ca_that_signs() {
    let mut case = Case::pass();
    let statement = Statement::new(claims("pass", &case.object)).unwrap();
    let builder = BundleBuilder::new(&statement, &PKI.ca, &PKI.ca).unwrap();
    let signature = PKI.ca_key.sign(&builder.to_be_signed()).unwrap();
    case.bundle = Some(builder.assemble(&signature));
    refused(&case, trust_codes::CA_AS_LEAF, ExitCode::Untrusted);
}

/// 6: by the clock, and by the time floor where there is no clock.
#[test]
fn a_leaf_that_has_expired_or_is_not_yet_valid() {
    let mut case = Case::pass();
    case.clock = Some(now().saturating_add(91 * DAY));
    refused(&case, trust_codes::EXPIRED, ExitCode::Validity);
    case.clock = Some(now().saturating_sub(DAY));
    refused(&case, trust_codes::NOT_YET_VALID, ExitCode::Validity);

    case.clock = None;
    let mut state = fresh_state();
    state.time_floor = now().saturating_add(91 * DAY);
    let refusal = case.admit(&state).unwrap_err();
    assert_eq!(refusal.code(), trust_codes::EXPIRED);
}

/// 39: a clock that was set back counts for nothing against the floor.
#[test]
fn a_clock_that_was_set_back() {
    let mut case = Case::pass();
    case.clock = Some(now().saturating_sub(900 * DAY));
    let mut state = fresh_state();
    state.time_floor = now().saturating_add(91 * DAY);
    let refusal = case.admit(&state).unwrap_err();
    assert_eq!(refusal.code(), trust_codes::EXPIRED);
}

#[test]
fn a_statement_that_has_expired() {
    let mut case = Case::filter("pass", |claims| {
        claims.expires_at = claims.issued_at.saturating_add(DAY);
    });
    case.clock = Some(now().saturating_add(DAY - 1));
    assert!(case.admit(&fresh_state()).is_ok());
    case.clock = Some(now().saturating_add(DAY));
    refused(&case, codes::STATEMENT_EXPIRED, ExitCode::Validity);
}

/// 54: the time that a statement claims to be from does not reach beyond its signer's certificates.
#[test]
fn a_statement_from_a_time_at_which_its_signer_was_not_valid() {
    let mut case = Case::pass();
    for time in [now().saturating_sub(DAY), now().saturating_add(91 * DAY)] {
        let mut claims = claims("pass", &case.object);
        claims.issued_at = time;
        claims.expires_at = time.saturating_add(200 * DAY);
        // What the issuing tool refuses to sign, somebody else's tool does.
        let statement = Statement::new(claims).unwrap();
        let identity = PKI.identity();
        let (leaf, ca) = identity.chain();
        let builder = BundleBuilder::new(&statement, leaf, ca).unwrap();
        let signature = PKI.leaf_key.sign(&builder.to_be_signed()).unwrap();
        case.bundle = Some(builder.assemble(&signature));
        refused(&case, trust_codes::SIGNED_TIME, ExitCode::Validity);
    }
}

/// 42: by the digest of the key, and by the epoch.
#[test]
fn a_signer_that_is_revoked() {
    let mut case = Case::pass();
    let key = PKI.leaf_key.public_key().digest();
    case.trust = PKI.trust(|contents| {
        contents.version = 2;
        contents.revoked = vec![key];
    });
    refused(&case, trust_codes::REVOKED, ExitCode::Revoked);

    let ca = PKI.ca_key.public_key().digest();
    case.trust = PKI.trust(|contents| {
        contents.version = 2;
        contents.min_epochs = vec![MinEpoch { ca, epoch: 2 }];
    });
    refused(&case, trust_codes::EPOCH, ExitCode::Revoked);
}

#[test]
fn a_signature_by_another_key() {
    let mut case = Case::pass();
    let statement = Statement::new(claims("pass", &case.object)).unwrap();
    let identity = PKI.identity();
    let (leaf, ca) = identity.chain();
    let builder = BundleBuilder::new(&statement, leaf, ca).unwrap();
    let other = SecretKey::generate().unwrap();
    let signature = other.sign(&builder.to_be_signed()).unwrap();
    case.bundle = Some(builder.assemble(&signature));
    refused(&case, trust_codes::SIGNATURE, ExitCode::Signature);
    // 15: r and s that are zero.
    case.bundle = Some(builder.assemble(&[0; 64]));
    refused(&case, trust_codes::SIGNATURE_FORM, ExitCode::Signature);
}

#[test]
fn a_signed_payload_that_is_no_statement() {
    let mut case = Case::pass();
    let identity = PKI.identity();
    let (leaf, ca) = identity.chain();
    let chain = bpf_statement::Chain { leaf, ca };
    let message = Unsigned::new(Purpose::Statement, chain, b"nonsense".to_vec()).unwrap();
    let signature = PKI.leaf_key.sign(&message.to_be_signed()).unwrap();
    case.bundle = Some(message.assemble(&signature));
    let refusal = refused(&case, statement_codes::ENCODING, ExitCode::Signature);
    assert!(matches!(refusal, Refusal::Statement(_)));
}

#[test]
fn a_name_outside_of_the_signers_scope() {
    let identity = PKI.edge_identity();
    let mut case = Case::pass();
    let statement = Statement::new(claims("pass", &case.object)).unwrap();
    assert!(sign_statement(&statement, &identity).is_err());
    let builder = BundleBuilder::new(&statement, &PKI.edge_leaf, &PKI.ca).unwrap();
    let signature = PKI.leaf_key.sign(&builder.to_be_signed()).unwrap();
    case.bundle = Some(builder.assemble(&signature));
    refused(&case, trust_codes::NAME_SCOPE, ExitCode::Policy);
}

/// 1, 19, 22: the bundle of another object, an object changed in any bit, or grown.
#[test]
fn an_object_that_was_not_signed() {
    let mut case = Case::pass();
    let object = core::mem::replace(&mut case.object, sample("drop"));
    refused(&case, codes::OBJECT_DIGEST, ExitCode::Mismatch);
    for bit in (0..object.len() * 8).step_by(997) {
        case.object = object.clone();
        case.object[bit / 8] ^= 1 << (bit % 8);
        refused(&case, codes::OBJECT_DIGEST, ExitCode::Mismatch);
    }
    case.object = object;
    case.object.push(0);
    refused(&case, codes::OBJECT_DIGEST, ExitCode::Mismatch);
}

/// 2, 50: a valid program in the place of another.
#[test]
fn another_name() {
    let mut case = Case::pass();
    case.expectation.names = vec![name("firewall"), name("guard")];
    let refusal = refused(&case, codes::NAME, ExitCode::Policy);
    assert_eq!(
        refusal.to_string(),
        "signed as `pass`, not as `firewall`, `guard`"
    );
}

#[test]
fn another_kind() {
    let mut case = Case::pass();
    case.program_mut().kind = ProgramKind::Rewriter;
    refused(&case, codes::KIND, ExitCode::Policy);
}

#[test]
fn a_program_that_is_not_there_or_not_chosen() {
    let mut case = Case::signed(two_programs(), "two", ProgramKind::Filter, |_| {});
    let refusal = refused(&case, codes::PROGRAM, ExitCode::Policy);
    assert!(matches!(refusal, Refusal::SeveralPrograms { available } if available.len() == 2));
    case.program_mut().name = Some(symbol("main"));
    let refusal = refused(&case, codes::PROGRAM, ExitCode::Policy);
    assert!(matches!(refusal, Refusal::NoSuchProgram { .. }));
}

#[test]
fn a_classifier_with_more_outputs_than_the_element() {
    let object = sample("round-robin");
    let mut case = Case::signed(object, "round-robin", ProgramKind::Classifier, |_| {});
    case.program_mut().outputs = Some(3);
    refused(&case, codes::OUTPUTS, ExitCode::Policy);
}

/// The bound is inclusive, and where nothing was proved, no bound is kept.
#[test]
fn a_program_that_may_run_longer_than_the_element_allows() {
    let signed = |most: Option<u64>| {
        let change = |claims: &mut Claims| claims.programs[0].worst_case_instructions = most;
        let mut case = Case::signed(sample("pass"), "pass", ProgramKind::Filter, change);
        case.program_mut().max_instructions = Some(100);
        case
    };
    assert!(signed(Some(100)).admit(&fresh_state()).is_ok());
    for most in [Some(101), None] {
        refused(&signed(most), codes::WORST_CASE, ExitCode::Policy);
    }
    let mut any = signed(None);
    any.program_mut().max_instructions = None;
    assert!(any.admit(&fresh_state()).is_ok());
}

/// 25: another platform, or one that the trust bundle does not allow any more.
#[test]
fn another_platform() {
    let case = Case::filter("pass", |claims| claims.platform = text("click/0"));
    let refusal = refused(&case, codes::PLATFORM, ExitCode::Platform);
    assert!(matches!(refusal, Refusal::Platform { .. }));

    let mut case = Case::pass();
    case.trust = PKI.trust(|contents| {
        contents.version = 2;
        contents.platforms = vec![text("click/2")];
    });
    refused(&case, trust_codes::PLATFORM, ExitCode::Platform);
}

/// 24: a helper or the context means something else here than where it was verified.
#[test]
fn another_slice_of_the_platform() {
    let case = Case::filter("pass", |claims| claims.slice = Digest::of(b"other"));
    let refusal = refused(&case, codes::PLATFORM, ExitCode::Platform);
    assert!(matches!(refusal, Refusal::Slice { .. }));
}

/// 26: a proof with weaker options, one by one.
#[test]
fn weaker_options_of_the_proof() {
    let weaker: [(&str, Change); 6] = [
        ("strict", |claims| claims.profile.strict = false),
        ("allow-division-by-zero", |claims| {
            claims.profile.allow_division_by_zero = true;
        }),
        ("must-have-exit", |claims| {
            claims.profile.must_have_exit = false;
        }),
        ("stack-frame-size", |claims| {
            claims.profile.stack_frame_size = 4096;
        }),
        ("max-call-frames", |claims| {
            claims.profile.max_call_frames = 9;
        }),
        ("max-packet-size", |claims| {
            claims.profile.max_packet_size -= 1;
        }),
    ];
    for (changed, change) in weaker {
        let case = Case::filter("pass", change);
        let refusal = refused(&case, codes::PROFILE, ExitCode::Platform);
        assert!(matches!(refusal, Refusal::Profile { option, .. } if option == changed));
    }
}

/// 27: a verifier with a known defect.
#[test]
fn an_engine_that_is_too_old() {
    let mut case = Case::pass();
    case.trust = PKI.trust(|contents| {
        contents.version = 2;
        contents.min_engines = vec![MinEngine {
            name: name("checker"),
            version: Version {
                major: 0,
                minor: 2,
                patch: 7,
            },
        }];
    });
    refused(&case, trust_codes::ENGINE, ExitCode::Platform);
}

#[test]
fn fuel_that_the_trust_bundle_does_not_accept() {
    let case = Case::filter("pass", |claims| {
        claims.termination = Termination::Fuel;
        claims.profile.check_termination = false;
    });
    refused(&case, codes::FUEL, ExitCode::Policy);
}

#[test]
fn a_map_that_asks_for_synchronisation() {
    for sync in [MapSync::Eventual, MapSync::Strong] {
        let case = Case::filter("rate-limiter", |claims| {
            claims.programs[0].maps[0].sync = sync;
        });
        refused(&case, codes::MAP_SYNC, ExitCode::Platform);
    }
}

/// 20: what is signed and is no object is refused by the parser, after everything else.
#[test]
fn a_signed_file_that_is_no_object() {
    let mut case = Case::filter("pass", |claims| claims.object = Digest::of(b"no ELF"));
    case.object = b"no ELF".to_vec();
    let refusal = refused(&case, bpf_object::codes::NOT_AN_OBJECT, ExitCode::Input);
    assert!(matches!(refusal, Refusal::Object(_)));
}

/// 28: a verdict about a part of the object.
#[test]
fn a_program_that_was_not_verified() {
    let case = Case::signed(two_programs(), "two", ProgramKind::Filter, |claims| {
        claims
            .programs
            .retain(|program| program.kind == ProgramKind::Filter);
        claims.slice = slice(claims);
    });
    let refusal = refused(&case, codes::PROGRAM_SET, ExitCode::Mismatch);
    assert_eq!(refusal, Refusal::Unlisted("sort".into()));
}

fn slice(claims: &Claims) -> Digest {
    let programs = &claims.programs;
    let helpers = programs.iter().flat_map(|program| program.helpers.clone());
    let maps = programs.iter().flat_map(|program| &program.maps);
    platform_click::PlatformSlice::new(helpers, maps.map(|map| map.kind)).digest()
}

#[test]
fn a_program_that_the_object_lacks() {
    let mut case = Case::filter("pass", |claims| {
        let mut other = claims.programs[0].clone();
        other.name = symbol("other");
        claims.programs.push(other);
    });
    case.program_mut().name = Some(symbol("other"));
    let refusal = refused(&case, codes::PROGRAM_SET, ExitCode::Mismatch);
    assert_eq!(refusal, Refusal::Missing(symbol("other")));
}

/// 20: the verifier proved something else than what is linked here.
#[test]
fn another_image() {
    let case = Case::filter("pass", |claims| {
        claims.programs[0].image = Digest::of(b"other");
    });
    refused(&case, codes::IMAGE_DIGEST, ExitCode::Mismatch);
    // The kind is part of the image.
    let object = fixture("legacy");
    let bpffilter = ProgramKind::Classifier;
    let mut claims = claims_with("legacy", &object, ParseOptions { bpffilter });
    for program in &mut claims.programs {
        program.kind = ProgramKind::Control;
        program.exit = ExitRange { min: 0, max: 1 };
        program.highest_output = None;
    }
    let mut case = Case::pass();
    case.bundle = Some(PKI.sign(claims));
    case.object = object;
    case.expectation.names = vec![name("legacy")];
    case.expectation.program = None;
    refused(&case, codes::IMAGE_DIGEST, ExitCode::Mismatch);
}

/// The first such instruction of the sample `rate-limiter`.
fn slot_of(wanted: fn(Insn) -> bool) -> u32 {
    let object = Object::parse(&sample("rate-limiter"), ParseOptions::default()).unwrap();
    let image = object.link(&object.programs()[0]).unwrap();
    let slot = image.code().iter().position(|insn| wanted(*insn));
    slot.unwrap().try_into().unwrap()
}

/// A whole instruction and a way on from a jump are facts that an image can have.
#[test]
fn unreached_slots_and_ways_are_admitted() {
    let case = Case::filter("rate-limiter", |claims| {
        let first = slot_of(|insn| matches!(insn, Insn::Wide { .. }));
        let slot = slot_of(|insn| matches!(insn, Insn::Branch { .. }));
        claims.programs[0].unreached = Unreached {
            slots: vec![SlotRange { first, count: 2 }],
            ways: vec![Way { slot, taken: true }],
        };
    });
    case.admit(&fresh_state()).unwrap();
}

/// 23, 24: facts that the image does not bear out.
#[test]
fn facts_that_are_not_true() {
    let false_facts: [(&str, Change); 7] = [
        ("number of instructions", |claims| {
            claims.programs[0].instructions += 1;
        }),
        ("set of helpers", |claims| {
            claims.programs[0].helpers.push(HelperId::GetPrandomU32);
            claims.slice = slice(claims);
        }),
        ("list of maps", |claims| {
            claims.programs[0].maps[0].max_entries += 1;
        }),
        ("list of maps", |claims| {
            claims.programs[0].maps.clear();
            claims.slice = slice(claims);
        }),
        ("set of unreached slots", |claims| {
            let first = slot_of(|insn| insn == Insn::WideTail);
            claims.programs[0].unreached.slots = vec![SlotRange { first, count: 1 }];
        }),
        ("set of unreached slots", |claims| {
            let first = slot_of(|insn| matches!(insn, Insn::Wide { .. }));
            claims.programs[0].unreached.slots = vec![SlotRange { first, count: 1 }];
        }),
        ("set of unreached ways", |claims| {
            let slot = slot_of(|insn| insn == Insn::Exit);
            claims.programs[0].unreached.ways = vec![Way { slot, taken: true }];
        }),
    ];
    for (wrong, change) in false_facts {
        let case = Case::filter("rate-limiter", change);
        let refusal = refused(&case, codes::FACTS, ExitCode::Mismatch);
        assert!(matches!(refusal, Refusal::Fact { fact, .. } if fact == wrong));
    }
}

/// The fixture stores 8 bytes at `r10 + 0`; the test puts another offset into that instruction.
#[test]
fn an_access_outside_of_the_frame() {
    let store_at = |offset: i16| {
        let mut object = fixture("frame");
        let store = [0x7b, 0x0a, 0, 0, 0, 0, 0, 0];
        let at = object.windows(8).position(|bytes| bytes == store).unwrap();
        object[at + 2..at + 4].copy_from_slice(&offset.to_le_bytes());
        Case::signed(object, "frame", ProgramKind::Filter, |_| {})
    };
    for outside in [0, 8, -1, -7, -513, -520, i16::MIN, i16::MAX] {
        let refusal = refused(&store_at(outside), codes::FRAME, ExitCode::Mismatch);
        assert!(matches!(refusal, Refusal::Frame { slot: 1, offset, .. } if offset == outside));
    }
    for inside in [-8, -512] {
        assert!(store_at(inside).admit(&fresh_state()).is_ok(), "{inside}");
    }
}

/// 23: a running map of another shape is not taken over.
#[test]
fn a_running_map_of_another_shape() {
    let mut case = Case::filter("rate-limiter", |_| {});
    let admission = case.admit(&fresh_state()).unwrap();
    let map = &admission.program().image().maps()[0];
    case.expectation.running_maps = vec![MapDef {
        value_size: map.value_size * 2,
        ..map.clone()
    }];
    refused(&case, codes::RUNNING_MAP, ExitCode::Policy);
}

/// 38: maps that take more memory than there is.
#[test]
fn more_memory_for_maps_than_there_is() {
    let mut case = Case::filter("rate-limiter", |_| {});
    case.expectation.map_memory = Some(1024 * (4 + 8) - 1);
    refused(&case, codes::MAP_MEMORY, ExitCode::Policy);
}
