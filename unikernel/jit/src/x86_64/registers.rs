//! Which register of the machine holds what.
//!
//! Registers that C functions preserve are for what has to outlive a call. They cost a push and a pop;
//! a program that calls nothing has what it keeps in registers that are free, as far as there are any.

use alloc::vec::Vec;

use bpf_object::Reg;

use super::assembler::Gpr;
use super::{SCRATCH, STATE_ARGUMENT};
use crate::plan::Plan;

/// Where a program has its registers, and we the state of the run.
#[derive(Clone, Debug)]
pub(super) struct Registers {
    program: [Gpr; 11],
    pub(super) state: Gpr,
}

/// What C functions preserve.
const PRESERVED: [Gpr; 6] = [Gpr::RBX, Gpr::RBP, Gpr::R12, Gpr::R13, Gpr::R14, Gpr::R15];

impl Registers {
    /// The registers of any program.
    const COMMON: Self = Self {
        program: [
            Gpr::RAX,
            Gpr::RDI,
            Gpr::RSI,
            Gpr::RDX,
            Gpr::RCX,
            Gpr::R8,
            Gpr::RBX,
            Gpr::R13,
            Gpr::R14,
            Gpr::R15,
            Gpr::RBP,
        ],
        state: Gpr::R12,
    };

    pub(super) fn new(plan: &Plan) -> Self {
        let mut registers = Self::COMMON;
        if plan.functions.iter().any(|function| function.calls) {
            return registers;
        }
        let arguments = [Reg::R5, Reg::R4, Reg::R3, Reg::R2];
        let unused = arguments.into_iter().filter(|reg| !plan.uses(*reg));
        let mut free: Vec<Gpr> = unused.map(|reg| registers.of(reg)).collect();
        let kept = [Reg::R6, Reg::R7, Reg::R8, Reg::R9, Reg::FP];
        for reg in kept.into_iter().filter(|reg| plan.uses(*reg)) {
            let place = registers.program.get_mut(reg.index());
            if let Some((place, free)) = place.zip(free.pop()) {
                *place = free;
            }
        }
        // The state is used least. Where there is no fuel, it stays where it comes.
        if !plan.uses_fuel {
            registers.state = STATE_ARGUMENT;
        } else if let Some(free) = free.pop() {
            registers.state = free;
        }
        registers
    }

    /// The register of the machine that holds a program's.
    pub(super) fn of(&self, reg: Reg) -> Gpr {
        // Registers are numbered 0 to 10.
        let found = self.program.get(reg.index());
        found.copied().unwrap_or(SCRATCH)
    }
}

/// Whether a function has to leave a register as it found it.
pub(super) fn is_preserved(register: Gpr) -> bool {
    PRESERVED.contains(&register)
}
