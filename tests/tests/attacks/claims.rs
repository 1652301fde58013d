//! Statements that are genuinely signed and say what they must not: an old signer, one that was
//! deceived, one that is not honest.

use bpf_statement::{Claims, MapSync, Symbol, Termination, Text, Version};
use platform_click::{Digest, HelperId, PROFILE};

use crate::lab::{Lab, SIGN, sample};
use crate::patch::{Patch, TWO_PROGRAMS};

/// The loader refuses the program with these claims, before and after it has admitted the program.
#[track_caller]
fn refused(code: &str, exit: i32, change: impl Fn(&mut Claims)) {
    for lab in [Lab::new(), Lab::running()] {
        lab.forge(&change);
        lab.loader_refuses(code, exit);
    }
}

/// Lets the configuration ask for a program by name.
fn ask_for(lab: &Lab, program: &str) {
    let config = format!(
        "InfiniteSource(LIMIT 1) -> BPFFilter(FILE prog.o, PROGRAM {program}) -> Discard;\n"
    );
    lab.write("run.click", config.as_bytes());
}

/// What `forge` signs is admitted as long as it is true.
#[test]
fn a00_the_forger_can_sign() {
    let mut lab = Lab::running();
    lab.forge(|_| {});
    lab.admit();
    assert_eq!(lab.record().unwrap().counter, 2);
}

/// 19: what the file says besides its code counts: a stripped object is another object.
#[test]
fn a19_object_with_other_debug_information() {
    let lab = Lab::running();
    let mut object = Patch::new(&lab.read("prog.o"));
    let section = [".BTF.ext", ".BTF", ".llvm_addrsig"]
        .into_iter()
        .find(|name| {
            object
                .0
                .windows(name.len())
                .any(|part| part == name.as_bytes())
        });
    object.0.extend_from_slice(section.unwrap().as_bytes());
    lab.write("prog.o", &object.0);
    lab.loader_refuses("BPF-L003", 25);
}

/// 19: and the other way round: the digest of the file alone is not enough either.
#[test]
fn a19_image_of_another_program() {
    let other = |lab: &Lab| {
        lab.write("other.o", &sample("pass"));
        let object = lab.read("other.o");
        let object = bpf_object::Object::parse(&object, bpf_object::ParseOptions::default());
        let object = object.unwrap();
        object.link(&object.programs()[0]).unwrap().digest()
    };
    let lab = Lab::running();
    let image = other(&lab);
    lab.forge(|claims| claims.programs[0].image = image);
    lab.loader_refuses("BPF-L018", 25);
}

#[test]
fn a25_older_platform() {
    refused("BPF-L008", 26, |claims| {
        claims.platform = Text::new("click/0").unwrap();
    });
}

#[test]
fn a25_platform_whose_helpers_are_others() {
    refused("BPF-L008", 26, |claims| claims.slice = Digest::of(b"other"));
}

/// 26: each option of the proof, weaker or stronger than the platform's.
#[test]
fn a26_other_options() {
    let lab = Lab::running();
    let options: [fn(&mut Claims); 6] = [
        |claims| claims.profile.strict = false,
        |claims| claims.profile.allow_division_by_zero = true,
        |claims| claims.profile.must_have_exit = false,
        |claims| claims.profile.stack_frame_size *= 2,
        |claims| claims.profile.max_call_frames += 1,
        |claims| claims.profile.max_packet_size /= 2,
    ];
    for option in options {
        let bundle = lab.read("prog.o.bpfsig");
        lab.forge(option);
        assert_ne!(lab.claims().profile, PROFILE);
        lab.loader_refuses("BPF-L009", 26);
        lab.write("prog.o.bpfsig", &bundle);
    }
}

/// 26: fuel instead of a proof of termination, where the trust bundle does not accept that.
#[test]
fn a26_termination_not_proved() {
    refused("BPF-L010", 28, |claims| {
        claims.profile.check_termination = false;
        claims.termination = Termination::Fuel;
        for program in &mut claims.programs {
            program.max_loop_count = None;
        }
    });
}

/// 26: maps that are to agree between instances, which this loader does not see to.
#[test]
fn a26_maps_that_this_loader_cannot_keep() {
    let lab = Lab::new();
    lab.write("prog.o", &sample("rate-limiter"));
    lab.run(SIGN).ok();
    lab.forge(|claims| claims.programs[0].maps[0].sync = MapSync::Strong);
    lab.loader_refuses("BPF-L011", 26);
}

/// 28: of two programs one is listed; the other would be in the object unproved.
#[test]
fn a28_partial_verdict() {
    let lab = Lab::new();
    lab.write("prog.o", TWO_PROGRAMS);
    lab.run(SIGN).ok();
    // The filter is listed and asked for, the classifier is not there; and the reverse.
    let classify = "InfiniteSource(LIMIT 1) -> b :: BPFClassifier(FILE prog.o) -> Discard;\n\
                    b[1] -> Discard; b[2] -> Discard; b[3] -> Discard;\n";
    for (removed, config) in [("sort", None), ("count", Some(classify))] {
        let bundle = lab.read("prog.o.bpfsig");
        lab.forge(|claims| {
            assert_eq!(claims.programs.len(), 2);
            claims
                .programs
                .retain(|program| program.name.as_str() != removed);
            let [listed] = claims.programs.as_slice() else {
                panic!("{removed} was not listed");
            };
            let helpers = listed.helpers.iter().copied();
            let maps = listed.maps.iter().map(|map| map.kind);
            claims.slice = platform_click::PlatformSlice::new(helpers, maps).digest();
        });
        if let Some(config) = config {
            lab.write("run.click", config.as_bytes());
        }
        lab.loader_refuses("BPF-L017", 25);
        lab.write("prog.o.bpfsig", &bundle);
    }
}

/// 28: a program is listed that the object does not have.
#[test]
fn a28_verdict_about_a_program_that_is_not_there() {
    let lab = Lab::running();
    lab.forge(|claims| {
        let mut ghost = claims.programs[0].clone();
        ghost.name = Symbol::new("zz_ghost").unwrap();
        claims.programs.push(ghost);
    });
    for program in ["target_port", "zz_ghost"] {
        ask_for(&lab, program);
        lab.loader_refuses("BPF-L017", 25);
    }
}

/// What is said of a program is held against its image.
#[test]
fn a28_facts_that_the_image_does_not_show() {
    refused("BPF-L019", 25, |claims| {
        claims.programs[0].instructions += 1
    });
    refused("BPF-L019", 25, |claims| {
        claims.programs[0].helpers = vec![HelperId::KtimeGetNs];
        let helpers = claims.programs[0].helpers.iter().copied();
        claims.slice = platform_click::PlatformSlice::new(helpers, []).digest();
    });
}

/// 27: a verifier whose version the trust bundle does not accept any more.
#[test]
fn a27_verifier_that_is_too_old() {
    use crate::installation::Installation;

    let installation = Installation::with(|contents| {
        contents.min_engines = vec![bpf_trust::MinEngine {
            name: bpf_statement::Name::new("prevail").unwrap(),
            version: Version {
                major: 0,
                minor: 2,
                patch: 6,
            },
        }];
    });
    installation.refused_claims("BPF-T027", 26, |claims| {
        for engine in &mut claims.engines {
            engine.version.patch = 5;
        }
    });
}

/// 25: a platform that the trust bundle does not list.
#[test]
fn a25_platform_that_is_not_allowed() {
    use crate::installation::Installation;

    let installation = Installation::with(|contents| {
        contents.platforms = vec![Text::new("click/2").unwrap()];
    });
    installation.refused_claims("BPF-T026", 26, |_| {});
}
