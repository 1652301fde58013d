//! Claims of both engines, gathered, sent, and held against runs.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

use bpf_object::RawInsn;
use bpf_runtime::{DeterministicEnvironment, Observer, Packet, Registers};
use platform_click::ProgramKind;
use proptest::prelude::*;

use super::*;
use crate::answer::{Outcome, Rung};
use crate::ladder::examine;
use crate::scenario;
use crate::testing::{exit, image, mov, op};
use crate::wire::{Wire, decode, encode};

/// Runs a program on a packet of 20 bytes and holds it against claims.
fn contradiction(code: &Image, claims: &[Claims]) -> Option<String> {
    struct Watcher<'a>(
        Judge<'a>,
        bpf_runtime::Addresses,
        Option<u32>,
        Option<String>,
    );
    impl Observer for Watcher<'_> {
        fn step(&mut self, slot: u32, registers: &Registers) {
            if let Some(branch) = self.2.take() {
                let going = self.0.going(branch, slot != branch + 1);
                self.3 = self.3.take().or(going);
            }
            let at = self.0.at(slot, registers, &self.1);
            self.3 = self.3.take().or(at);
            self.2 = Some(slot);
        }
    }
    let mut instance = scenario::instance(code).unwrap();
    let mut watcher = Watcher(Judge::new(code, claims), instance.addresses(), None, None);
    let mut packet = Packet::new(&[7; 20]).unwrap();
    let mut environment = DeterministicEnvironment::new(0);
    let _ = instance.run_observed(&mut packet, &mut environment, 1_000, &mut watcher);
    watcher.3
}

fn collected(
    code: &Image,
    slots: impl IntoIterator<Item = u32>,
    held: impl Fn(u32, Reg) -> Option<Held>,
) -> Claims {
    let mut collector = Collector::new(code);
    for slot in slots {
        collector.reaches(slot, |reg| held(slot, reg));
        collector.goes(slot, slot + 1);
        if let Insn::Branch { target, .. } = code.code()[slot as usize] {
            collector.goes(slot, target);
        }
    }
    collector.finish("engine")
}

/// `r2 = data; r3 = data_end; r4 = r10; r5 = r2; r5 += 14; if r5 > r3 goto out; r0 = 1; out: …`
fn program() -> Image {
    let code: [RawInsn; 10] = [
        mov(0, 0),
        op(0x79, 2, 1, 0, 0),
        op(0x79, 3, 1, 8, 0),
        op(0xbf, 4, 10, 0, 0),
        op(0xbf, 5, 2, 0, 0),
        op(0x07, 5, 0, 0, 14),
        op(0x2d, 5, 3, 1, 0),
        mov(0, 1),
        op(0xbf, 0, 0, 0, 0),
        exit(),
    ];
    image(ProgramKind::Filter, &code)
}

/// What is true of every run of it.
fn truth(slot: u32, reg: Reg) -> Option<Held> {
    let packet = |offset| Place::claim(Target::Packet, (offset, offset), false);
    match (slot, reg.number()) {
        (1 | 2, 1) => Place::claim(Target::Context, (0, 0), false),
        (3, 10) => Place::claim(Target::Stack, (4096, 4096), false),
        (4 | 5, _) => packet(0),
        (6, 5) => packet(14),
        (6, 3) => Place::claim(Target::Packet, Place::ANYWHERE, false),
        (8 | 9, 0) => Some(Held::Numbers(Numbers {
            unsigned: (0, 1),
            signed: (0, 1),
            low: (0, 1),
            bits: (0, 1),
        })),
        _ => None,
    }
}

#[test]
fn what_is_true_is_not_contradicted() {
    let code = program();
    let claims = collected(&code, 0..10, truth);
    assert_eq!(contradiction(&code, &[claims]), None);
}

/// One mistake at a time, in each part of a claim.
#[test]
fn every_kind_of_wrong_claim_is_contradicted() {
    let code = program();
    let wrong = |slot: u32, number: u8, held: Option<Held>| {
        collected(&code, 0..10, move |at, reg| {
            if (at, reg.number()) == (slot, number) {
                held
            } else {
                truth(at, reg)
            }
        })
    };
    let one = |numbers| Some(Held::Numbers(numbers));
    let any = Numbers::ANY;
    for (claims, words) in [
        (
            wrong(5, 5, Place::claim(Target::Packet, (1, 9), false)),
            "r5 holds an address in the packet, offset 0",
        ),
        (
            wrong(5, 5, Place::claim(Target::Stack, (0, 0), false)),
            "an address in the stack, offset 0..=0",
        ),
        (
            wrong(
                5,
                5,
                one(Numbers {
                    signed: (0, 9),
                    ..any
                }),
            ),
            "a number",
        ),
        (
            wrong(
                9,
                0,
                one(Numbers {
                    unsigned: (2, 9),
                    ..any
                }),
            ),
            "r0 holds 0x1, and engine proved that it holds a number, 0x2..=0x9",
        ),
        (
            wrong(
                9,
                0,
                one(Numbers {
                    signed: (-9, 0),
                    ..any
                }),
            ),
            "signed -9..=0",
        ),
        (
            wrong(9, 0, one(Numbers { low: (2, 3), ..any })),
            "lower half",
        ),
        (
            wrong(
                9,
                0,
                one(Numbers {
                    bits: (2, 1),
                    ..any
                }),
            ),
            "its bits",
        ),
        (wrong(9, 0, one(Numbers::constant(0))), "holds 0x0"),
        (
            collected(&code, (0..7).chain(8..10), truth),
            "never reached",
        ),
    ] {
        let found = contradiction(&code, core::slice::from_ref(&claims));
        let found = found.unwrap_or_else(|| panic!("{claims:?} is not contradicted"));
        assert!(found.contains(words), "{found}");
        // Claims of others do not hide it.
        let truth = collected(&code, 0..10, truth);
        assert!(contradiction(&code, &[truth, claims]).is_some());
    }
}

#[test]
fn a_register_that_holds_nothing_contradicts_any_claim() {
    let code = image(
        ProgramKind::Filter,
        &[op(0xbf, 6, 3, 0, 0), mov(0, 0), exit()],
    );
    let claims = collected(&code, 0..3, |slot, _| {
        (slot == 0).then_some(Held::Numbers(Numbers::ANY))
    });
    let found = contradiction(&code, &[claims]).unwrap();
    assert!(found.starts_with("r3 holds nothing"), "{found}");
}

#[test]
fn a_jump_that_never_goes_this_way_is_contradicted() {
    let code = program();
    let mut collector = Collector::new(&code);
    for slot in 0..10 {
        collector.reaches(slot, |_| None);
    }
    collector.goes(6, 8);
    let claims = collector.finish("engine");
    let judge_claims = [claims.clone()];
    let judge = Judge::new(&code, &judge_claims);
    assert!(judge.may_go(6, true) && !judge.may_go(6, false));
    let found = contradiction(&code, &[claims]).unwrap();
    assert!(
        found.contains("a jump is passed of which engine"),
        "{found}"
    );
}

/// An instruction that stands for several is claimed about as the weakest of them.
#[test]
fn claims_of_copies_are_joined() {
    let code = program();
    let number = |number| Some(Held::Numbers(Numbers::constant(number)));
    let joined = |held: [Option<Held>; 2]| {
        let mut collector = Collector::new(&code);
        for held in held {
            collector.reaches(9, |_| held);
        }
        collector
            .finish("engine")
            .values
            .first()
            .map(|claim| claim.held)
    };
    let both = joined([number(4), number(6)]).unwrap();
    assert_eq!(
        both,
        Held::Numbers(Numbers {
            unsigned: (4, 6),
            signed: (4, 6),
            low: (4, 6),
            bits: (4, 2),
        })
    );
    let place = |offset| Place::claim(Target::Packet, (offset, offset), offset == 3);
    assert_eq!(
        joined([place(3), place(5)]),
        Place::claim(Target::Packet, (3, 5), true)
    );
    for different in [[number(4), place(3)], [number(4), None], [None, number(4)]] {
        assert_eq!(joined(different), None);
    }
}

/// What both engines say of a program refers to the slots of the image that runs, whatever the
/// program was that they judged.
#[test]
fn slots_are_those_of_the_image_that_runs() {
    let twice = image(ProgramKind::Filter, &[mov(0, 1), mov(0, 1), exit()]);
    let once = image(ProgramKind::Filter, &[mov(0, 1), exit()]);
    let mut options = bpf_checker::Options::default();
    options.watch = bpf_checker::Watch::Everything;
    let bpf_checker::Verdict::Accepted(facts) = bpf_checker::check(&twice, &options) else {
        panic!("refused");
    };
    let slot_of = |slot: u32| match slot {
        0 => None,
        slot => Some(slot - 1),
    };
    let claims = checker::claims(&once, &twice, &facts, &slot_of);
    assert_eq!(claims.unreachable, Vec::<u32>::new());
    assert_eq!(
        claims.values,
        [Claim {
            slot: 1,
            register: 0,
            held: Held::Numbers(Numbers::constant(1)),
        }]
    );
}

/// Both engines claim something of nearly every use of a register in ordinary programs.
#[test]
fn engines_claim_much_about_samples() {
    for sample in e2e::samples() {
        if sample.folder != "accept" {
            continue;
        }
        let object = bpf_object::Object::parse(&sample.bytes(), Default::default()).unwrap();
        let code = object.link(&object.programs()[0]).unwrap();
        let Outcome::Accepted(facts) = examine(&code, Rung::Unwound).outcome else {
            panic!("{}", sample.name);
        };
        let uses = code
            .code()
            .iter()
            .flat_map(|insn| used(insn).into_iter().flatten());
        let uses = uses.count();
        assert_eq!(facts.claims.len(), 2);
        for claims in &facts.claims {
            assert!(
                claims.values.len() * 10 >= uses * 8,
                "{}: {} claims of {} about {uses} uses",
                sample.name,
                claims.values.len(),
                claims.engine
            );
        }
    }
}

fn round_trip<T: Wire + PartialEq + core::fmt::Debug>(value: &T) {
    let bytes = encode(value);
    assert_eq!(decode::<T>(&bytes).as_ref(), Ok(value));
    for length in 0..bytes.len() {
        assert!(decode::<T>(&bytes[..length]).is_err());
    }
}

#[test]
fn claims_are_sent_as_they_are() {
    for target in [
        Target::Context,
        Target::Packet,
        Target::Stack,
        Target::Map(None),
        Target::Map(Some(3)),
        Target::Value(1),
        Target::Data(2),
        Target::Shared,
    ] {
        round_trip(&Place::claim(target, (-5, 7), true));
    }
    let code = program();
    round_trip(&collected(&code, (0..7).chain(8..10), truth));
    // Addresses that tell nothing are not claimed.
    assert_eq!(Place::claim(Target::Packet, (0, 1 << 20), false), None);
}

/// One opinion that something is reached is enough.
#[test]
fn what_no_engine_reaches_is_stated() {
    let code = image(
        ProgramKind::Filter,
        &[
            mov(0, 0),
            op(0x55, 0, 0, 3, 0),
            op(0x18, 1, 0, 0, 7),
            op(0, 0, 0, 0, 0),
            op(0x15, 0, 0, 1, 0),
            mov(0, 1),
            exit(),
        ],
    );
    let engine = |reached: &[u32], ways: &[(u32, u32)]| {
        let mut collector = Collector::new(&code);
        for slot in reached {
            collector.reaches(*slot, |_| None);
        }
        for (from, to) in ways {
            collector.goes(*from, *to);
        }
        collector.finish("engine")
    };
    let all = engine(&[0, 1, 2, 4, 5, 6], &[(1, 2), (1, 5), (4, 5), (4, 6)]);
    let straight = engine(&[0, 1, 2, 4, 6], &[(1, 2), (4, 6)]);
    let other = engine(&[0, 1, 5, 6], &[(1, 5)]);
    let stated = |claims: &[&Claims]| {
        let claims: Vec<Claims> = claims.iter().map(|claims| (*claims).clone()).collect();
        let unreached = unreached(&code, &claims)?;
        Some((unreached.slots, unreached.ways))
    };
    assert_eq!(stated(&[&all, &all]), Some((vec![], vec![])));
    assert_eq!(stated(&[&all, &straight]), Some((vec![], vec![])));
    assert_eq!(
        stated(&[&straight, &straight]),
        Some((vec![5], vec![(1, true), (4, false)]))
    );
    assert_eq!(
        stated(&[&other, &other]),
        Some((vec![2, 3, 4], vec![(1, false)]))
    );
    // Nobody reaches the way from 4 to 5: one does not reach 4.
    assert_eq!(
        stated(&[&straight, &other]),
        Some((vec![], vec![(4, false)]))
    );
    // One engine alone, or none, is not enough.
    assert_eq!(stated(&[&straight]), Some((vec![], vec![])));
    assert_eq!(stated(&[]), Some((vec![], vec![])));
    // What cannot be is a mistake.
    let nowhere = engine(&[0, 1], &[]);
    assert_eq!(stated(&[&nowhere, &nowhere]), None);
    let nothing = engine(&[], &[]);
    assert_eq!(stated(&[&nothing, &nothing]), None);
}

/// Both engines see that a number is what it was set to.
#[test]
fn dead_code_is_stated() {
    let code = image(
        ProgramKind::Filter,
        &[mov(0, 0), op(0x55, 0, 0, 1, 5), exit(), mov(0, 1), exit()],
    );
    let Outcome::Accepted(facts) = examine(&code, Rung::Quick).outcome else {
        panic!("it is not accepted");
    };
    let unreached = unreached(&code, &facts.claims).unwrap();
    assert_eq!(
        (unreached.slots, unreached.ways),
        (vec![2], vec![(1, false)])
    );
}

proptest! {
    #[test]
    fn numbers_are_sent_as_they_are(
        unsigned in any::<(u64, u64)>(),
        signed in any::<(i64, i64)>(),
        low in any::<(u64, u64)>(),
        bits in any::<(u64, u64)>(),
        keep in 0_u8..16,
    ) {
        let any = Numbers::ANY;
        let numbers = Numbers {
            unsigned: if keep & 1 == 0 { any.unsigned } else { unsigned },
            signed: if keep & 2 == 0 { any.signed } else { signed },
            low: if keep & 4 == 0 { any.low } else { low },
            bits: if keep & 8 == 0 { any.bits } else { bits },
        };
        round_trip(&numbers);
        round_trip(&Numbers::constant(unsigned.0));
    }

    /// A join allows what either side does.
    #[test]
    fn joins_are_upper_bounds(a in any::<u64>(), b in any::<u64>(), c in any::<u64>()) {
        let join = |a, b| Held::Numbers(a).join(Held::Numbers(b)).unwrap();
        let Held::Numbers(two) = join(Numbers::constant(a), Numbers::constant(b)) else { panic!() };
        let three = join(two, Numbers::constant(c));
        let code = program();
        let addresses = scenario::instance(&code).unwrap().addresses();
        for number in [a, b, c] {
            prop_assert!(three.allows(Some(number), &addresses));
        }
        prop_assert!(Held::Numbers(two).allows(Some(a), &addresses));
    }
}
