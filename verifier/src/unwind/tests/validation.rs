//! What the validator must notice.

use bpf_object::{Insn, Operand, Reg};
use platform_click::limits;

use super::super::layout::TRAP;
use super::super::validate::validate;
use super::*;

const CALLING: &str = "
    fn main: r6 = 0
    again: r1 = r6
    call f
    r6 += 1
    if r6 < 3 goto again
    goto out
    out: r0 = 1
    exit
    fn f: r0 = 1 ll; exit
    fn g: r0 = 2; exit";

/// A valid unwound program in parts.
struct Parts {
    original: Image,
    code: Vec<Insn>,
    functions: Vec<Function>,
    roles: Vec<Role>,
}

fn parts() -> Parts {
    let original = program(CALLING);
    let unwound = {
        let unwinding = Unwinding::new(&original, &every(&original, 3)).unwrap();
        unwinding.whole().unwrap()
    };
    Parts {
        code: unwound.image.code().to_vec(),
        functions: unwound.image.functions().to_vec(),
        roles: unwound.roles,
        original,
    }
}

/// What the validator says after a change; `None` when the change is no image at all.
fn after(change: impl FnOnce(&mut Parts)) -> Option<Result<(), Invalid>> {
    let mut parts = parts();
    change(&mut parts);
    let max = limits::MAX_INSTRUCTIONS;
    let image = parts.original.with_code(parts.code, parts.functions, max);
    Some(validate(&parts.original, &image.ok()?, &parts.roles))
}

fn refused(change: impl FnOnce(&mut Parts)) {
    assert!(after(change).unwrap().is_err());
}

fn find(parts: &Parts, role: Role) -> usize {
    parts.roles.iter().position(|other| *other == role).unwrap()
}

#[test]
fn an_unwound_program_is_valid() {
    assert_eq!(after(|_| ()), Some(Ok(())));
}

/// Every instruction is changed in turn, into each of some others.
#[test]
fn no_instruction_may_be_another() {
    let others = [
        Insn::Exit,
        Insn::Alu {
            width: bpf_object::Width::W64,
            op: bpf_object::AluOp::Mov,
            dst: Reg::R0,
            src: Operand::Imm(7),
        },
        Insn::CallHelper { id: 5 },
    ];
    let length = parts().code.len();
    for slot in 0..length {
        for other in others {
            let result = after(|parts| parts.code[slot] = other);
            let trap = matches!(parts().roles[slot], Role::Trap) && other == parts().code[slot];
            let same = parts().code[slot] == other;
            assert!(
                trap || same || result.is_none_or(|result| result.is_err()),
                "{slot} {other:?}"
            );
        }
    }
}

/// Every jump, branch and call is led to every other slot in turn; the only others that may be are
/// those from which a jump of ours leads to the same place, and traps.
#[test]
fn no_edge_may_lead_elsewhere() {
    let parts = parts();
    for slot in 0..parts.code.len() {
        for target in 0..parts.code.len() as u32 {
            let mut insn = parts.code[slot];
            match &mut insn {
                Insn::Jump { target: to }
                | Insn::Branch { target: to, .. }
                | Insn::CallLocal { target: to } => *to = target,
                _ => continue,
            }
            if insn == parts.code[slot]
                || after(|changed| changed.code[slot] = insn) != Some(Ok(()))
            {
                continue;
            }
            assert!(
                !matches!(insn, Insn::CallLocal { .. }),
                "{slot} -> {target}"
            );
            // What it leads to is a trap, or a copy of what it led to.
            let end = |mut slot: u32| loop {
                match (parts.roles[slot as usize], parts.code[slot as usize]) {
                    (Role::Glue, Insn::Jump { target }) => slot = target,
                    (role, _) => break role,
                }
            };
            let before = parts.code[slot].jump_target().unwrap();
            assert!(
                end(target) == Role::Trap
                    || end(target) == end(before)
                    || end(before) == Role::Trap,
                "{slot} -> {target}"
            );
        }
    }
}

#[test]
fn roles_must_be_right() {
    refused(|parts| {
        parts.roles.pop();
    });
    refused(|parts| {
        let slot = find(parts, Role::Copy(1));
        parts.roles[slot] = Role::Copy(3);
    });
    refused(|parts| {
        let slot = find(parts, Role::Copy(3));
        parts.roles[slot] = Role::Glue;
    });
    refused(|parts| {
        let slot = find(parts, Role::Copy(1));
        parts.roles[slot] = Role::Trap;
    });
    refused(|parts| {
        let slot = find(parts, Role::Copy(1));
        parts.roles[slot] = Role::Copy(u32::MAX);
    });
}

/// Half a trap is none: what begins at its load dereferences whatever is in r0.
#[test]
fn traps_are_whole() {
    refused(|parts| {
        let trap = find(parts, Role::Trap);
        let is_branch = |slot: &usize| matches!(parts.code[*slot], Insn::Branch { .. });
        let branch = (0..trap).rev().find(is_branch);
        let Some(Insn::Branch { target, .. }) = branch.map(|slot| &mut parts.code[slot]) else {
            panic!("no branch");
        };
        *target = trap as u32 + 1;
    });
    refused(|parts| {
        let trap = find(parts, Role::Trap);
        parts.code[trap] = Insn::CallHelper { id: 5 };
    });
    assert_eq!(TRAP.len(), 3);
}

/// A jump backwards could be a loop.
#[test]
fn jumps_lead_forwards() {
    refused(|parts| {
        let first = find(parts, Role::Copy(1)) as u32;
        let last = parts
            .roles
            .iter()
            .rposition(|role| *role == Role::Copy(4))
            .unwrap();
        let Insn::Branch { target, .. } = &mut parts.code[last] else {
            panic!("no branch");
        };
        *target = first;
    });
}

#[test]
fn functions_correspond() {
    refused(|parts| {
        parts.functions.pop();
    });
    // The second function called where the first was.
    refused(|parts| {
        let target = parts.functions[2].start;
        let slot = find(parts, Role::Copy(2));
        parts.code[slot] = Insn::CallLocal { target };
    });
    refused(|parts| parts.original = program("r0 = 1; exit"));
}
