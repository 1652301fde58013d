use ::prevail::platform::EbpfPlatform as _;
use platform_click::HelperId;

use super::*;
use crate::answer::{Outcome, Rung};
use crate::checks;
use crate::first::Prover;
use crate::ladder::examine_by;
use crate::testing::{exit, image, mov, op, pass};

fn judged(image: &Image) -> Judgement {
    judge(image, &checks::check(image).unwrap())
}

#[test]
fn the_engine_is_named_as_it_is() {
    assert_eq!(ENGINE.version, prevail_cpp::VERSION);
    assert_eq!(ENGINE.version, prevail::ENGINE.version);
}

/// Both engines have one platform: each helper of each kind, and numbers that are none.
#[test]
fn both_engines_see_the_same_helpers() {
    for kind in ProgramKind::ALL {
        let platform = ClickPlatform::new(&image(*kind, &pass()));
        let numbers = HelperId::ALL
            .iter()
            .map(|helper| helper.spec().id.cast_signed());
        for number in numbers.chain([-1, 0, 4, 25, i32::MAX]) {
            let cpp = prevail_cpp::helper(kind.number(), number);
            let Some(rust) = platform.try_get_helper_prototype(number) else {
                assert!(!cpp.usable, "{kind} {number}");
                continue;
            };
            assert!(cpp.usable, "{kind} {number}");
            assert_eq!(cpp.name, rust.name);
            #[expect(clippy::as_conversions, reason = "discriminants of u32")]
            let (returns, arguments) = (
                rust.return_type as u32,
                rust.argument_type.map(|kind| kind as u32),
            );
            assert_eq!(
                (cpp.returns, cpp.arguments),
                (returns, arguments),
                "{}",
                rust.name
            );
            assert_eq!(
                cpp.reallocates_packet, rust.reallocate_packet,
                "{}",
                rust.name
            );
            assert_eq!(cpp.map_types, rust.allowed_map_types, "{}", rust.name);
        }
    }
}

#[test]
fn it_accepts_and_refuses() {
    let safe = image(ProgramKind::Filter, &pass());
    assert_eq!(judged(&safe), Judgement::Accepts);
    let null = image(
        ProgramKind::Filter,
        &[mov(1, 0), op(0x79, 0, 1, 0, 0), exit()],
    );
    assert!(matches!(judged(&null), Judgement::Refuses(reports) if reports[0].slot == 1));
    let seven = image(ProgramKind::Filter, &[mov(0, 7), exit()]);
    assert!(
        matches!(judged(&seven), Judgement::Refuses(reports) if reports[0].code == codes::RETURN_RANGE)
    );
}

/// What C++ throws is an answer that is none, and the next question is answered.
#[test]
fn exceptions_are_no_opinions() {
    let nothing = prevail_cpp::analyse(&Question {
        kind: 1,
        long_labels: false,
        code: Vec::new(),
        maps: Vec::new(),
        sizes: Vec::new(),
    });
    assert!(!nothing.answered && !nothing.reason.is_empty());
    // A wide load of a map that is not there.
    let insn = |opcode, dst, src, imm| prevail_cpp::Insn {
        opcode,
        dst,
        src,
        offset: 0,
        imm,
    };
    let code = vec![
        insn(0x18, 1, 1, 99),
        insn(0, 0, 0, 0),
        insn(0xb7, 0, 0, 0),
        insn(0x95, 0, 0, 0),
    ];
    let no_map = prevail_cpp::analyse(&Question {
        kind: 1,
        long_labels: false,
        code,
        maps: Vec::new(),
        sizes: Vec::new(),
    });
    assert!(
        !no_map.answered && no_map.reason.contains("no map 99"),
        "{}",
        no_map.reason
    );
    assert_eq!(
        judged(&image(ProgramKind::Filter, &pass())),
        Judgement::Accepts
    );
}

/// Each way of asking accepts, and names who was asked.
#[test]
fn each_prover_proves() {
    let safe = image(ProgramKind::Filter, &pass());
    for prover in [Prover::Rust, Prover::Cpp, Prover::Both] {
        let outcome = examine_by(prover, &safe, Rung::Quick).outcome;
        assert!(
            matches!(outcome, Outcome::Accepted(_)),
            "{prover:?}: {outcome:?}"
        );
    }
    assert_eq!(Prover::Both.names(), "prevail and prevail-cpp");
}
