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

/// Loads of each size that is masked, and a store before which there is another.
const MASKED: &str = "
    r6 = 0
    again: r2 = *(u32 *)(r1 + 16)
    *(u32 *)(r10 - 8) = r2
    r3 = *(u16 *)(r10 - 8)
    r4 = *(u8 *)(r10 - 8)
    w5 = w4
    w5 |= 3
    r6 += 1
    if r6 < 3 goto again
    r0 = 1
    exit";

/// A valid unwound program in parts.
struct Parts {
    original: Image,
    code: Vec<Insn>,
    functions: Vec<Function>,
    roles: Vec<Role>,
}

fn parts() -> Parts {
    parts_of(CALLING)
}

fn parts_of(text: &str) -> Parts {
    let original = program(text);
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
    after_in(CALLING, change)
}

fn after_in(text: &str, change: impl FnOnce(&mut Parts)) -> Option<Result<(), Invalid>> {
    let mut parts = parts_of(text);
    change(&mut parts);
    let max = limits::MAX_INSTRUCTIONS;
    let image = parts.original.with_code(parts.code, parts.functions, max);
    Some(validate(
        &parts.original,
        &image.ok()?,
        &parts.roles,
        Form::Unwound,
    ))
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
    for text in [CALLING, MASKED] {
        let parts = parts_of(text);
        for (slot, insn) in parts.code.iter().enumerate() {
            for other in others {
                let result = after_in(text, |parts| parts.code[slot] = other);
                assert!(
                    other == *insn || result.is_none_or(|result| result.is_err()),
                    "{slot} {other:?}"
                );
            }
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

/// What is put beside a copy changes nothing, there and on every way that leads to it.
#[test]
fn instructions_of_ours_change_nothing() {
    let roles = parts_of(MASKED).roles;
    let all = |wanted: Role| -> Vec<usize> {
        let slots = 0..roles.len();
        slots.filter(|slot| roles[*slot] == wanted).collect()
    };
    let (before, behind) = (all(Role::Before), all(Role::Behind));
    assert_eq!((before.len(), behind.len()), (6, 12));
    let refused = |what: &str, change: &dyn Fn(&mut Parts)| {
        let result = after_in(MASKED, |parts| change(parts)).unwrap();
        assert!(result.is_err(), "{what}");
    };
    let masks = &behind[..3];
    for (nth, mask) in masks.iter().enumerate() {
        // A mask of another load, which may clear what this one left.
        for other in masks.iter().take(nth) {
            refused("another register", &|parts| {
                parts.code[*other] = parts.code[*mask]
            });
        }
        refused("no load", &|parts| {
            parts.code.swap(*mask, mask - 1);
            parts.roles.swap(*mask, mask - 1);
        });
    }
    let narrower = |slot: usize, imm: i32| {
        refused("a narrower mask", &|parts| {
            let Insn::Alu { width, op, src, .. } = &mut parts.code[slot] else {
                panic!("no mask");
            };
            *width = bpf_object::Width::W64;
            *op = bpf_object::AluOp::And;
            *src = Operand::Imm(imm);
        });
    };
    narrower(masks[0], 0xffff);
    narrower(masks[1], 0xff);
    narrower(masks[2], 0x7f);
    // The shifts, and the sum behind them.
    let [shift, back] = [before[1], behind[3]];
    assert_eq!(
        (back, parts_of(MASKED).roles[back + 1]),
        (shift + 1, Role::Copy(6))
    );
    for slot in shift..shift + 3 {
        refused("another number", &|parts| {
            let Insn::Alu { src, .. } = &mut parts.code[slot] else {
                panic!("no shift");
            };
            *src = Operand::Imm(1);
        });
        refused("another register", &|parts| {
            let Insn::Alu { dst, .. } = &mut parts.code[slot] else {
                panic!("no shift");
            };
            *dst = Reg::R6;
        });
        refused("another width", &|parts| {
            let Insn::Alu { width, .. } = &mut parts.code[slot] else {
                panic!("no shift");
            };
            *width = bpf_object::Width::W64;
        });
    }
    for off in [-9, -12, -4] {
        refused("a store elsewhere", &|parts| {
            let Insn::Store { off: at, .. } = &mut parts.code[before[0]] else {
                panic!("no store");
            };
            *at = off;
        });
    }
    refused("a longer store", &|parts| {
        let Insn::Store { size, .. } = &mut parts.code[before[0]] else {
            panic!("no store");
        };
        *size = bpf_object::Size::B8;
    });
    // A way that does not lead over what comes first.
    let branch = |insn: &Insn| matches!(insn, Insn::Branch { .. });
    let branch = parts_of(MASKED).code.iter().position(branch).unwrap();
    for target in behind.iter().flat_map(|slot| [*slot, slot + 1]) {
        if target > branch {
            refused("a jump to a part", &|parts| {
                let Insn::Branch { target: to, .. } = &mut parts.code[branch] else {
                    panic!("no branch");
                };
                *to = target as u32;
            });
        }
    }
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
