//! Numbers of few values, each with a copy of what follows.

use bpf_object::{AluOp, Insn, Operand};

use super::super::validate::validate;
use super::*;

/// A length in words, as protocols have it.
const LENGTH: &str = "
    r2 = *(u32 *)(r1 + 16)
    w2 <<= 2
    w2 &= 60
    r0 = 0
    r3 = 0
    again: r3 += 4
    if r3 < r2 goto again
    exit";

fn unwound(text: &str) -> (Image, Unwound) {
    let image = program(text);
    let unwinding = Unwinding::with_apart(&image, &checkers_bounds(&image), Apart::Cases).unwrap();
    let unwound = unwinding.whole().unwrap();
    (image, unwound)
}

fn copies(unwound: &Unwound, slot: u32) -> usize {
    let roles = unwound.roles.iter();
    roles.filter(|role| **role == Role::Copy(slot)).count()
}

#[test]
fn each_value_has_a_copy_of_what_follows() {
    let (_, unwound) = unwound(LENGTH);
    assert_eq!([copies(&unwound, 2), copies(&unwound, 3)], [1, 16]);
    let backs = unwound.roles.iter();
    let backs = backs.filter(|role| **role == Role::Back(2)).count();
    assert_eq!(backs, 16);
    // For each value the loop runs as often as it says, which the checker sees.
    let Verdict::Accepted(facts) = check(&unwound.image, &Options::default()) else {
        panic!("not accepted");
    };
    let reached = |slot: &u32| facts.reachable.contains(*slot);
    let rounds = (0..).zip(&unwound.roles);
    let rounds = rounds.filter(|(slot, role)| **role == Role::Copy(5) && reached(slot));
    assert_eq!(rounds.count(), 1 + (1..16).sum::<usize>());
}

/// Two masks on one path are told apart, and no more.
#[test]
fn few_numbers_are_told_apart() {
    let mask = |register| format!("w{register} &= 3; r0 = 0\n");
    let text = format!(
        "r2 = *(u32 *)(r1 + 16); r3 = r2; r4 = r2; goto one
         one: {} goto two
         two: {} goto three
         three: {} exit",
        mask(2),
        mask(3),
        mask(4)
    );
    let (_, unwound) = unwound(&text);
    let [one, two, three] = [5, 8, 11].map(|slot| copies(&unwound, slot));
    assert_eq!([one, two, three], [4, 16, 16]);
}

#[test]
fn masks_of_few_bits_that_lie_together_count() {
    for (mask, values) in [
        ("3", 4),
        ("60", 16),
        ("0x70", 8),
        ("1", 1),
        ("5", 1),
        ("31", 1),
        ("-4", 1),
    ] {
        let text = format!("r2 = *(u32 *)(r1 + 16); r2 &= {mask}; r0 = 1; exit");
        assert_eq!(copies(&unwound(&text).1, 2), values, "{mask}");
    }
}

/// Between the shifts nothing but tests may come, and the number is shifted back by as much.
#[test]
fn what_is_shifted_is_shifted_back() {
    let (image, unwound) = unwound(LENGTH);
    let valid = |code: Vec<Insn>| {
        let functions = unwound.image.functions().to_vec();
        let changed = image.with_code(code, functions, MAX_SLOTS).unwrap();
        validate(&image, &changed, &unwound.roles, Form::Unwound).is_ok()
    };
    let code = unwound.image.code();
    assert!(valid(code.to_vec()));
    let back = |slot: &usize| unwound.roles[*slot] == Role::Back(2);
    let down = unwound.roles.iter().position(|role| *role == Role::Behind);
    let shifts = (0..code.len()).filter(back).chain(down.into_iter().skip(1));
    for slot in shifts {
        for (op, bits) in [(AluOp::Lsh, 1), (AluOp::Lsh, 3), (AluOp::Add, 2)] {
            let mut changed = code.to_vec();
            let Insn::Alu { op: of, src, .. } = &mut changed[slot] else {
                panic!("no shift");
            };
            (*of, *src) = (op, Operand::Imm(bits));
            assert!(!valid(changed), "{slot}");
        }
    }
    // Tests between the shifts lead to a shift back, and nothing else does.
    for slot in 0..code.len() {
        let Some(before) = code[slot].jump_target() else {
            continue;
        };
        for target in slot as u32 + 1..code.len() as u32 {
            let mut changed = code.to_vec();
            if let Insn::Branch { target: to, .. } | Insn::Jump { target: to } = &mut changed[slot]
            {
                *to = target;
            }
            let is_back = |slot: u32| unwound.roles[slot as usize] == Role::Back(2);
            let is_trap = unwound.traps.contains_key(&target);
            if is_back(before) != is_back(target) && !is_trap && valid(changed) {
                // From one test to a later one.
                let is_test = unwound.roles[target as usize] == Role::Glue;
                assert!(is_back(before) && is_test, "{slot} -> {target}");
            }
        }
    }
}
