//! Programs made at random: the interpreter never panics, always ends, and repeats itself.
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

use bpf_object::RawInsn;
use bpf_runtime::{DeterministicEnvironment, Fault, Observer, Outcome, Packet, Registers};
use common::*;
use platform_click::{HelperId, MapKind, limits};
use proptest::prelude::*;

const RANDOM_FUEL: u64 = 2_000;

/// An instruction whose jump target is still open.
#[derive(Clone, Debug)]
enum Unit {
    Plain(RawInsn),
    Wide(u8, u64),
    Map(u8),
    Data(u8, u8),
    /// A jump to the start of a unit of the same function, modulo their number.
    Jump(RawInsn, usize),
    /// A call of one of the two functions.
    Call(bool),
}

/// A register that may be written, and one that may be read.
fn dst() -> impl Strategy<Value = u8> {
    0..10_u8
}

fn src() -> impl Strategy<Value = u8> {
    0..11_u8
}

fn immediate() -> impl Strategy<Value = i32> {
    prop_oneof![-20..20_i32, any::<i32>(), Just(i32::MIN), Just(i32::MAX)]
}

fn offset() -> impl Strategy<Value = i16> {
    prop_oneof![3 => -32..32_i16, 1 => any::<i16>()]
}

fn arithmetic() -> impl Strategy<Value = RawInsn> {
    let code = prop::sample::select(vec![
        0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x90, 0xa0, 0xb0, 0xc0_u8,
    ]);
    let class = prop::sample::select(vec![4, 7_u8]);
    (code, class, dst(), src(), immediate(), any::<[bool; 2]>()).prop_map(
        |(code, class, dst, src, imm, [by_register, signed])| {
            let off = i16::from(signed && matches!(code, 0x30 | 0x90));
            if by_register {
                insn(code | class | 8, dst, src, off, 0)
            } else {
                insn(code | class, dst, 0, off, imm)
            }
        },
    )
}

fn unary() -> impl Strategy<Value = RawInsn> {
    prop_oneof![
        (prop::sample::select(vec![0x84, 0x87_u8]), dst())
            .prop_map(|(op, dst)| insn(op, dst, 0, 0, 0)),
        (
            prop::sample::select(vec![0xd4, 0xdc, 0xd7_u8]),
            dst(),
            prop::sample::select(vec![16, 32, 64])
        )
            .prop_map(|(op, dst, bits)| insn(op, dst, 0, 0, bits)),
        (dst(), src(), prop::sample::select(vec![8, 16, 32_i16]))
            .prop_map(|(dst, src, bits)| insn(0xbf, dst, src, bits, 0)),
    ]
}

fn memory() -> impl Strategy<Value = RawInsn> {
    let size = || prop::sample::select(vec![0x00, 0x08, 0x10, 0x18_u8]);
    // Mostly through the registers that hold pointers at the start.
    let base = || prop_oneof![4 => 6..11_u8, 1 => src()];
    let atomic = prop::sample::select(vec![0, 1, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1]);
    prop_oneof![
        (size(), dst(), base(), offset()).prop_map(|(s, d, b, o)| insn(0x61 | s, d, b, o, 0)),
        (
            prop::sample::select(vec![0x81, 0x89, 0x91_u8]),
            dst(),
            base(),
            offset()
        )
            .prop_map(|(op, d, b, o)| insn(op, d, b, o, 0)),
        (size(), base(), src(), offset()).prop_map(|(s, b, r, o)| insn(0x63 | s, b, r, o, 0)),
        (size(), base(), immediate(), offset()).prop_map(|(s, b, i, o)| insn(0x62 | s, b, 0, o, i)),
        (
            prop::sample::select(vec![0xc3, 0xdb_u8]),
            base(),
            dst(),
            offset(),
            atomic
        )
            .prop_map(|(op, b, r, o, imm)| insn(op, b, r, o, imm)),
    ]
}

fn branch() -> impl Strategy<Value = Unit> {
    let code = prop::sample::select(vec![
        0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0_u8,
    ]);
    let class = prop::sample::select(vec![5, 6_u8]);
    let condition = (code, class, src(), src(), immediate(), any::<bool>()).prop_map(
        |(code, class, dst, src, imm, by_register)| {
            if by_register {
                insn(code | class | 8, dst, src, 0, 0)
            } else {
                insn(code | class, dst, 0, 0, imm)
            }
        },
    );
    (
        prop_oneof![4 => condition, 1 => Just(insn(0x05, 0, 0, 0, 0))],
        any::<usize>(),
    )
        .prop_map(|(jump, target)| Unit::Jump(jump, target))
}

fn unit() -> impl Strategy<Value = Unit> {
    let helper_call =
        prop::sample::select(HelperId::ALL).prop_map(|id| Unit::Plain(helper(id.spec().id as i32)));
    prop_oneof![
        6 => arithmetic().prop_map(Unit::Plain),
        2 => unary().prop_map(Unit::Plain),
        8 => memory().prop_map(Unit::Plain),
        3 => branch(),
        2 => helper_call,
        1 => any::<bool>().prop_map(Unit::Call),
        1 => (dst(), any::<u64>()).prop_map(|(dst, number)| Unit::Wide(dst, number)),
        1 => dst().prop_map(Unit::Map),
        1 => (dst(), 0..16_u8).prop_map(|(dst, at)| Unit::Data(dst, at)),
        1 => Just(Unit::Plain(exit())),
    ]
}

fn slots(unit: &Unit) -> usize {
    match unit {
        Unit::Wide(..) | Unit::Map(_) | Unit::Data(..) => 2,
        Unit::Plain(_) | Unit::Jump(..) | Unit::Call(_) => 1,
    }
}

/// Lays out the units of one function from `start` on; `other` is where the other one starts.
fn lay_out(units: &[Unit], start: usize, functions: [usize; 2]) -> Vec<RawInsn> {
    let mut starts = Vec::new();
    let mut next = start;
    for unit in units {
        starts.push(next);
        next += slots(unit);
    }
    let distance = |from: usize, to: usize| to as i64 - from as i64 - 1;
    let mut code = Vec::new();
    for (unit, at) in units.iter().zip(&starts) {
        match unit {
            Unit::Plain(insn) => code.push(*insn),
            Unit::Wide(dst, number) => code.extend(wide(*dst, *number)),
            Unit::Map(dst) => code.extend(map(*dst, i32::from(dst % 2))),
            Unit::Data(dst, offset) => code.extend(data(*dst, 0, i32::from(*offset))),
            Unit::Jump(insn, target) => code.push(RawInsn {
                off: distance(*at, starts[target % starts.len()]) as i16,
                ..*insn
            }),
            Unit::Call(second) => {
                code.push(call(distance(*at, functions[usize::from(*second)]) as i32));
            }
        }
    }
    code
}

/// Registers and some of the stack are defined; r6 is the context, r7 the packet, r8 a value of a
/// map, r9 data.
fn prologue() -> Vec<RawInsn> {
    program![
        mov_reg(R6, R1),
        load64(R7, R1, 0),
        store64_imm(R10, -8, 0),
        store64_imm(R10, -16, 1),
        store64_imm(R10, -24, 2),
        map(R1, 1),
        mov_reg(R2, R10),
        add(R2, -8),
        helper(1),
        mov_reg(8, R0),
        data(9, 0, 8),
        map(R1, 0),
        mov_reg(R2, R10),
        add(R2, -8),
        mov_reg(R3, R10),
        add(R3, -16),
        mov(R4, 0),
        mov(R5, 3),
    ]
}

fn program() -> impl Strategy<Value = Program> {
    let function = || prop::collection::vec(unit(), 1..40);
    (function(), function()).prop_map(|(mut first, mut second)| {
        first.push(Unit::Plain(exit()));
        second.push(Unit::Plain(exit()));
        let mut code = prologue();
        let middle = code.len() + first.iter().map(slots).sum::<usize>();
        let functions = [0, middle];
        let start = code.len();
        code.extend(lay_out(&first, start, functions));
        code.extend(lay_out(&second, middle, functions));
        // The second function is one, whether or not it is called.
        code.push(call(-(code.len() as i32 - middle as i32) - 1));
        code.push(exit());
        Program::new(code)
            .map("hash", MapKind::Hash, 8, 8, 4)
            .map("array", MapKind::Array, 4, 16, 4)
            .data(".data", &[5; 16], true)
    })
}

/// Counts steps, to compare with the outcome.
#[derive(Default)]
struct Steps(u64);

impl Observer for Steps {
    fn step(&mut self, _: u32, _: &Registers) {
        self.0 += 1;
    }
}

fn execute(program: &Program, bytes: &[u8], seed: u64) -> (Result<Outcome, Fault>, Packet) {
    let mut instance = program.instance();
    instance.set_address_seed(seed);
    let mut packet = Packet::new(bytes).unwrap();
    let mut environment = DeterministicEnvironment::new(seed);
    let mut steps = Steps::default();
    let result = instance.run_observed(&mut packet, &mut environment, RANDOM_FUEL, &mut steps);
    assert!(steps.0 <= RANDOM_FUEL);
    if let Ok(outcome) = result {
        assert_eq!(outcome.instructions, steps.0);
        assert!((1..=limits::MAX_CALL_FRAMES).contains(&outcome.call_depth));
        assert!(outcome.stack_bytes <= outcome.call_depth * limits::STACK_FRAME_SIZE);
    }
    assert!(packet.len() <= limits::MAX_PACKET_SIZE);
    (result, packet)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_programs_end_and_repeat(
        program in program(),
        bytes in prop::collection::vec(any::<u8>(), 0..80),
        seed in any::<u64>(),
    ) {
        prop_assert_eq!(execute(&program, &bytes, seed), execute(&program, &bytes, seed));
    }
}
