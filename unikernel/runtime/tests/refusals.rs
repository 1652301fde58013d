//! Environments that make helpers fail, and what addresses mean to who watches a run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

mod common;

use bpf_runtime::{
    Addresses, DeterministicEnvironment, Environment, Errno, FaultCause, HelperCall, Observer,
    Packet, Region, Registers,
};
use common::*;
use platform_click::{HelperId, MapKind};

/// Refuses every call and notes it.
#[derive(Default)]
struct Refusing(Vec<(HelperId, Option<u32>, Vec<u8>)>);

impl Environment for Refusing {
    fn refuse(&mut self, call: &HelperCall<'_>) -> Option<Errno> {
        self.0.push((call.helper, call.map, call.key.to_vec()));
        Some(Errno::TooBig)
    }

    fn clock_ns(&mut self) -> u64 {
        5
    }

    fn random_u32(&mut self) -> u32 {
        6
    }

    fn trace(&mut self, text: &str) {
        panic!("printed {text}");
    }
}

const REFUSED: u64 = (-7_i64) as u64;

/// Calls map helper `id` with the key 9, the value 3 and no flags.
fn map_call(id: i32) -> Program {
    Program::new(program![
        store32_imm(R10, -4, 9),
        store64_imm(R10, -16, 3),
        map(R1, 0),
        mov_reg(R2, R10),
        add(R2, -4),
        mov_reg(R3, R10),
        add(R3, -16),
        mov(R4, 0),
        helper(id),
        exit(),
    ])
    .map("m", MapKind::Array, 4, 8, 16)
}

#[test]
fn refused_map_calls_fail_and_change_nothing() {
    let key = 9_u32.to_le_bytes();
    for (id, helper, want) in [
        (1, HelperId::MapLookupElem, 0),
        (2, HelperId::MapUpdateElem, REFUSED),
        (3, HelperId::MapDeleteElem, REFUSED),
    ] {
        let mut instance = map_call(id).instance();
        let mut environment = Refusing::default();
        let outcome = instance.run(&mut Packet::empty(), &mut environment, FUEL);
        assert_eq!(outcome.unwrap().value, want, "{helper:?}");
        assert_eq!(environment.0, [(helper, Some(0), key.to_vec())]);
        let value = instance.maps().get(0).unwrap().lookup(&key).unwrap();
        assert_eq!(value, [0; 8]);
    }
}

#[test]
fn helpers_that_cannot_fail_are_not_refused() {
    for (id, want) in [(5, 5), (7, 6)] {
        let mut environment = Refusing::default();
        let program = Program::new(program![helper(id), exit()]);
        let outcome = program
            .instance()
            .run(&mut Packet::empty(), &mut environment, FUEL);
        assert_eq!(outcome.unwrap().value, want);
        assert_eq!(environment.0, []);
    }
}

#[test]
fn a_refused_text_is_not_printed() {
    let program = Program::new(program![
        store64_imm(R10, -8, 0x68),
        mov_reg(R1, R10),
        add(R1, -8),
        mov(R2, 2),
        mov(R3, 0),
        mov(R4, 0),
        mov(R5, 0),
        helper(6),
        exit(),
    ]);
    let outcome = program
        .instance()
        .run(&mut Packet::empty(), &mut Refusing::default(), FUEL);
    assert_eq!(outcome.unwrap().value, REFUSED);
}

/// The packet keeps its bytes, and pointers into it are stale all the same.
#[test]
fn refused_space_leaves_stale_pointers() {
    let program = |last| {
        Program::new(program![
            mov_reg(R6, R1),
            load64(R7, R6, 0),
            mov(R1, 4),
            mov(R2, 0),
            helper(60),
            last,
            exit(),
        ])
    };
    let run = |program: Program| {
        let mut packet = Packet::new(&[1, 2, 3]).unwrap();
        let result = program
            .instance()
            .run(&mut packet, &mut Refusing::default(), FUEL);
        assert_eq!(packet.bytes(), [1, 2, 3]);
        result
    };
    assert_eq!(run(program(mov_reg(R7, R0))).unwrap().value, REFUSED);
    let fault = run(program(load8(R0, R7, 0))).unwrap_err();
    assert!(matches!(fault.cause, FaultCause::Stale { .. }), "{fault}");
}

/// Arguments are looked at before anything is refused: a failure hides no fault.
#[test]
fn wrong_arguments_fault_before_a_refusal() {
    for id in [1, 2, 3] {
        let mut program = map_call(id);
        program.code[0] = store32_imm(R10, -20, 9);
        let result = program
            .instance()
            .run(&mut Packet::empty(), &mut Refusing::default(), FUEL);
        let fault = result.unwrap_err();
        assert!(
            matches!(fault.cause, FaultCause::UninitialisedStack { .. }),
            "{id}: {fault}"
        );
    }
}

/// Notes what each register points to before the last instruction.
struct Places(Addresses, Vec<Option<(Region, i64)>>);

impl Observer for Places {
    fn step(&mut self, _: u32, registers: &Registers) {
        let all = (0..=10).filter_map(bpf_object::Reg::new);
        self.1 = all.map(|reg| self.0.locate(registers.get(reg)?)).collect();
    }
}

#[test]
fn addresses_say_what_pointers_point_to() {
    let program = Program::new(program![
        load64(R2, R1, 0),
        load64(R3, R1, 8),
        map(R4, 0),
        data(R5, 0, 3),
        mov_reg(R6, R2),
        add(R6, -1),
        mov(R7, 77),
        mov(R0, 0),
        exit(),
    ])
    .map("m", MapKind::Array, 4, 8, 1)
    .data(".data", &[0; 8], true);
    for seed in [0, 1, u64::MAX] {
        let mut instance = program.instance();
        instance.set_address_seed(seed);
        let mut places = Places(instance.addresses(), Vec::new());
        let mut packet = Packet::new(&[0; 20]).unwrap();
        let mut environment = DeterministicEnvironment::new(0);
        let outcome = instance.run_observed(&mut packet, &mut environment, FUEL, &mut places);
        assert_eq!(outcome.unwrap().value, 0);
        assert_eq!(
            places.1,
            [
                None,
                Some((Region::Context, 0)),
                Some((Region::Packet, 0)),
                Some((Region::Packet, 20)),
                Some((Region::Map { map: 0 }, 0)),
                Some((Region::Data { section: 0 }, 3)),
                Some((Region::Packet, -1)),
                None,
                None,
                None,
                Some((Region::Stack, 4096)),
            ]
        );
    }
}
