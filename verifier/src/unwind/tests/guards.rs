//! Programs with guards at the heads of their loops.

use bpf_checker::{Facts, Watch};
use bpf_object::{Insn, Operand};

use super::super::guarded::SAFE_TRAP;
use super::super::validate::validate;
use super::*;
use crate::answer::{Outcome, Rung};
use crate::ladder::examine;

/// Far too long to be unwound.
const LONG: &str = "
    r0 = 1
    r2 = 0
    again: r2 += 1
    if r2 != 50000 goto again
    exit";

fn facts(image: &Image) -> Facts {
    let mut options = Options::default();
    options.watch = Watch::Everything;
    match check(image, &options) {
        Verdict::Accepted(facts) => facts,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_guard_shows_where_a_loop_ends() {
    let image = program(LONG);
    let answers = [Rung::Plain, Rung::Guarded].map(|rung| examine(&image, rung).outcome);
    let [plain, Outcome::Accepted(proved)] = &answers else {
        panic!("{answers:?}");
    };
    assert!(matches!(plain, Outcome::Disagreed(_)));
    assert_eq!(proved.loops, [(2, 50_000)]);
    assert_eq!(proved.unwound, None);
}

/// A wrong guard is a trap that can be reached, however safe the program is.
#[test]
fn nothing_rests_on_what_guards_say() {
    let image = program(LONG);
    let right = facts(&image);
    // What holds of another program.
    let other = program(&LONG.replace("50000", "40000"));
    for (facts, proved) in [(right, true), (facts(&other), false)] {
        let guarded = guarded(&image, &facts).unwrap();
        let checked = crate::checks::check(&guarded.image).unwrap();
        let proof = crate::first::Prover::Rust.prove(&guarded.image, &checked);
        let crate::prevail::Proof::Accepted(proof) = proof else {
            panic!("{proof:?}");
        };
        let excluded = guarded.traps().all(|slot| proof.reached.excludes(slot));
        assert_eq!(excluded, proved);
    }
}

#[test]
fn guards_lead_to_traps_and_nothing_else_changes() {
    let image = program(LONG);
    let guarded = guarded(&image, &facts(&image)).unwrap();
    let valid = |code: Vec<Insn>, roles: &[Role]| {
        let functions = guarded.image.functions().to_vec();
        let changed = image.with_code(code, functions, MAX_SLOTS).unwrap();
        validate(&image, &changed, roles, Form::Guarded).is_ok()
    };
    let code = guarded.image.code().to_vec();
    assert!(valid(code.clone(), &guarded.roles));
    let trap = guarded.traps().next().unwrap() as usize;
    assert_eq!(code[trap..trap + 2], SAFE_TRAP);
    for slot in 0..code.len() {
        for target in 0..code.len() as u32 {
            let mut changed = code.clone();
            match &mut changed[slot] {
                Insn::Branch { target: to, .. } | Insn::Jump { target: to } => *to = target,
                _ => continue,
            }
            let leads = |to| guarded.stands_for(target) == guarded.stands_for(to);
            let before = code[slot].jump_target().unwrap();
            let same = changed == code || target as usize == trap || leads(before);
            let to_next = guarded.roles[slot] == Role::Glue
                && target as usize > slot
                && leads(slot as u32 + 1);
            assert!(
                !valid(changed, &guarded.roles) || same || to_next,
                "{slot} -> {target}"
            );
        }
    }
    // A safe trap is none where nobody looks whether it is reached.
    assert!(validate(&image, &guarded.image, &guarded.roles, Form::Unwound).is_err());
    let mut half = code;
    half[trap] = Insn::Alu {
        width: bpf_object::Width::W64,
        op: bpf_object::AluOp::Mov,
        dst: bpf_object::Reg::R0,
        src: Operand::Imm(1),
    };
    assert!(!valid(half, &guarded.roles));
}
