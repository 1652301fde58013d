//! Tests that are made before their time.

use bpf_object::Insn;
use platform_click::limits;

use super::super::validate::validate;
use super::*;

/// The old number is tested, after the new one was computed in 32 bits; then a sum that wraps.
const LATE: &str = "
    r2 = *(u8 *)(r1 + 16)
    w4 = 3
    again: w3 = w2
    w2 += -7
    if w3 > 6 goto again
    down: w4 += -1
    if w4 != -1 goto down
    r0 = 1
    exit";

fn tests(unwound: &Unwound) -> Vec<usize> {
    let slots = unwound.image.code().iter().zip(&unwound.roles).enumerate();
    let tests = slots
        .filter(|(_, (insn, role))| **role == Role::Glue && matches!(insn, Insn::Branch { .. }));
    tests.map(|(slot, _)| slot).collect()
}

fn late(change: impl FnOnce(&mut Vec<Insn>, &Unwound)) -> Result<(), Invalid> {
    let image = program(LATE);
    let unwinding = Unwinding::new(&image, &checkers_bounds(&image)).unwrap();
    let unwound = unwinding.whole().unwrap();
    let mut code = unwound.image.code().to_vec();
    change(&mut code, &unwound);
    let functions = unwound.image.functions().to_vec();
    let changed = image.with_code(code, functions, limits::MAX_INSTRUCTIONS);
    validate(&image, &changed.unwrap(), &unwound.roles, Form::Unwound)
}

#[test]
fn the_rest_of_a_block_has_a_copy_for_each_answer() {
    let image = program(LATE);
    let bounds = checkers_bounds(&image);
    let unwinding = Unwinding::new(&image, &bounds).unwrap();
    let unwound = unwinding.whole().unwrap();
    let iterations: u64 = bounds.all().iter().map(|(_, bound)| bound).sum();
    assert_eq!(tests(&unwound).len() as u64, iterations);
    let copies = |slot| {
        let roles = unwound.roles.iter();
        roles.filter(|role| **role == Role::Copy(slot)).count() as u64
    };
    let [(_, first), (_, second)] = bounds.all()[..] else {
        panic!("{bounds:?}");
    };
    // The copy of the number stands before the test, the sums behind it.
    assert_eq!([copies(2), copies(3)], [first, 2 * first]);
    assert_eq!([copies(5), copies(6)], [2 * second, 2 * second]);
}

/// A test stands for the instruction behind it also where one of its ways was left out.
#[test]
fn a_test_stands_for_what_follows() {
    let image = program(LATE);
    let unwinding = Unwinding::new(&image, &checkers_bounds(&image)).unwrap();
    let whole = unwinding.whole().unwrap();
    let Verdict::Accepted(facts) = check(&whole.image, &Options::default()) else {
        panic!("not accepted");
    };
    let reached = unwinding.reached(&whole, &facts.reachable).unwrap();
    assert!(copied(&reached) < copied(&whole));
    for slot in tests(&reached) {
        let stands_for = reached.stands_for(slot as u32);
        assert!(matches!(stands_for, Some(3 | 5)), "{slot}: {stands_for:?}");
    }
}

/// Whatever a test asks, and whatever it asks it of, both ways lead to the same instruction.
#[test]
fn tests_of_ours_may_ask_anything() {
    let other = late(|code, unwound| {
        for slot in tests(unwound) {
            let Insn::Branch { cond, src, .. } = &mut code[slot] else {
                panic!("no test");
            };
            *cond = bpf_object::Cond::Set;
            *src = bpf_object::Operand::Imm(5);
        }
    });
    assert_eq!(other, Ok(()));
}

#[test]
fn tests_of_ours_lead_to_the_same_instruction() {
    assert_eq!(late(|_, _| ()), Ok(()));
    let image = program(LATE);
    let unwinding = Unwinding::new(&image, &checkers_bounds(&image)).unwrap();
    let unwound = unwinding.whole().unwrap();
    for slot in tests(&unwound) {
        for target in slot as u32 + 1..unwound.image.code().len() as u32 {
            let Insn::Branch { target: before, .. } = unwound.image.code()[slot] else {
                panic!("no test");
            };
            let changed = late(|code, _| {
                let Insn::Branch { target: to, .. } = &mut code[slot] else {
                    panic!("no test");
                };
                *to = target;
            });
            let is_trap = unwound.traps.contains_key(&target);
            let same = unwound.stands_for(target) == unwound.stands_for(before);
            assert!(changed.is_err() || is_trap || same, "{slot} -> {target}");
        }
    }
}
