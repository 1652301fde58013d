//! A program with its loops, and with guards at their heads.
//!
//! An engine that widens at the head of a loop needs somebody to tell it what to prove there. A guard
//! is a test of a register at the head that leads to a trap when the register is outside of a range:
//! behind it the engine knows the range, and at its end it knows whether the trap can be reached. The
//! ranges come from another proof, but nothing rests on them: when they are wrong, or the engine cannot
//! see that they are right, the trap is reachable, and the program not proved. In the result of an
//! engine no trap may be reachable; before that it may be, and so it is one that is safe.

use std::collections::{BTreeMap, BTreeSet};

use bpf_checker::{Facts, Known};
use bpf_object::{AluOp, Cond, Function, Image, Insn, Operand, Reg, Width};

use super::idle::Written;
use super::layout::retarget_calls;
use super::{Form, Invalid, MAX_SLOTS, Role, TrapCause, Unwound, graphs, validate};

/// The instructions of a trap: the end of the function.
pub(super) const SAFE_TRAP: [Insn; 2] = [
    Insn::Alu {
        width: Width::W64,
        op: AluOp::Mov,
        dst: Reg::R0,
        src: Operand::Imm(0),
    },
    Insn::Exit,
];

/// The program with guards for what `facts` say of the registers at the heads of its loops, if they
/// were asked about these.
///
/// # Errors
/// The validator does not accept it, or a branch does not reach as far as it now had to.
pub(crate) fn guarded(original: &Image, facts: &Facts) -> Result<Unwound, Invalid> {
    let mut writer = Writer {
        original,
        facts,
        code: Vec::new(),
        roles: Vec::new(),
        traps: BTreeMap::new(),
        places: BTreeMap::new(),
    };
    let heads: BTreeSet<u32> = graphs(original)
        .iter()
        .flat_map(|graph| (1..graph.loops().len()).filter_map(|index| graph.head(index)))
        .collect();
    let mut functions = Vec::new();
    for (index, function) in original.functions().iter().enumerate() {
        functions.push(Function {
            name: function.name.clone(),
            start: writer.next(),
        });
        let slots = original.function_slots(index).unwrap_or_default();
        writer.function(slots, &heads);
    }
    writer.retarget();
    retarget_calls(original, &functions, &mut writer.code);
    let image = original
        .with_code(writer.code, functions, MAX_SLOTS)
        .map_err(|error| Invalid(error.to_string()))?;
    validate::validate(original, &image, &writer.roles, Form::Guarded)?;
    Ok(Unwound {
        image,
        roles: writer.roles,
        traps: writer.traps,
        starts: BTreeMap::new(),
    })
}

struct Writer<'a> {
    original: &'a Image,
    facts: &'a Facts,
    code: Vec<Insn>,
    roles: Vec<Role>,
    traps: BTreeMap<u32, TrapCause>,
    /// Where ways to a slot of the original lead.
    places: BTreeMap<u32, u32>,
}

impl Writer<'_> {
    fn next(&self) -> u32 {
        u32::try_from(self.code.len()).unwrap_or(u32::MAX)
    }

    fn push(&mut self, insn: Insn, role: Role) {
        self.code.push(insn);
        self.roles.push(role);
    }

    fn function(&mut self, slots: core::ops::Range<usize>, heads: &BTreeSet<u32>) {
        let mut guards = Vec::new();
        for index in slots {
            let (Some(insn), Ok(slot)) = (self.original.code().get(index), u32::try_from(index))
            else {
                continue;
            };
            self.places.insert(slot, self.next());
            if heads.contains(&slot) {
                for guard in self.guards(slot) {
                    guards.push(self.code.len());
                    self.push(guard, Role::Glue);
                }
            }
            let written = Written::new(*insn);
            for (insn, role) in written
                .before
                .into_iter()
                .flatten()
                .zip([Role::Before, Role::Behind])
            {
                self.push(insn, role);
            }
            self.push(written.insn, Role::Copy(slot));
            if let Some(insn) = written.behind {
                self.push(insn, Role::Behind);
            }
        }
        if guards.is_empty() {
            return;
        }
        let trap = self.next();
        self.traps.insert(trap, TrapCause::Guard);
        for insn in SAFE_TRAP {
            self.push(insn, Role::Trap);
        }
        for guard in guards {
            if let Some(Insn::Branch { target, .. }) = self.code.get_mut(guard) {
                *target = trap;
            }
        }
    }

    /// Tests of all registers of which a range is known, each true outside of it.
    fn guards(&self, head: u32) -> Vec<Insn> {
        let Some(known) = self.facts.watched.get(&head) else {
            return Vec::new();
        };
        let registers = (0..Reg::FP.number()).filter_map(Reg::new);
        registers
            .flat_map(|reg| outside(reg, known.get(reg)))
            .collect()
    }

    /// Leads jumps to where their targets are now; those of ours are right.
    fn retarget(&mut self) {
        for (insn, role) in self.code.iter_mut().zip(&self.roles) {
            let (Insn::Jump { target } | Insn::Branch { target, .. }, Role::Copy(_)) = (insn, role)
            else {
                continue;
            };
            if let Some(place) = self.places.get(target) {
                *target = *place;
            }
        }
    }
}

/// Tests that hold when a register is outside of the range that is known of it, as far as immediates
/// reach.
fn outside(reg: Reg, known: Known) -> Vec<Insn> {
    let Known::Number(number) = known else {
        return Vec::new();
    };
    // What is the same in all iterations is not widened.
    if number.as_constant().is_some() {
        return Vec::new();
    }
    let range = number.unsigned();
    let test = |cond, imm| Insn::Branch {
        width: Width::W64,
        cond,
        dst: reg,
        src: Operand::Imm(imm),
        target: 0,
    };
    // Immediates are extended with their sign.
    let Ok(greatest) = i32::try_from(*range.end()) else {
        return Vec::new();
    };
    let above = Some(test(Cond::Gt, greatest));
    let least = i32::try_from(*range.start())
        .ok()
        .filter(|least| *least > 0);
    let below = least.map(|least| test(Cond::Lt, least));
    above.into_iter().chain(below).collect()
}
