//! Entering and leaving functions.
//!
//! The machine's stack holds return addresses and preserved registers only; the program's frames are
//! memory of their own. At a call, the machine's stack is aligned to 16 bytes, as C functions expect
//! (System V ABI for x86-64, 3.2.2): at the entry of a function it is off by the return address, 8.

use bpf_object::{Reg, Size, Width};
use bpf_runtime::native::layout;

use super::assembler::{Gpr, Op};
use super::generator::Generator;
use super::registers::is_preserved;
use super::{FUEL, STATE_ARGUMENT};
use crate::plan::Function;

impl Generator<'_> {
    /// The start of a function; that of the program sets up what the program uses.
    pub(super) fn enter(&mut self, function: &Function, is_entry: bool) {
        for register in self.saved(function, is_entry) {
            self.asm.push(register);
        }
        if self.padded(function, is_entry) {
            self.asm.op_number(Op::Sub, Width::W64, Gpr::RSP, 8);
        }
        if !is_entry {
            return;
        }
        // The context, the program's first argument, is where it belongs.
        if self.plan.uses_state && self.registers.state != STATE_ARGUMENT {
            self.asm
                .mov(Width::W64, self.registers.state, STATE_ARGUMENT);
        }
        if self.plan.calls_locally {
            self.asm
                .store(Size::B8, self.state(layout::LANDING_STACK), Gpr::RSP);
        }
        if self.plan.uses_frames {
            self.asm
                .load(Size::B8, self.gpr(Reg::FP), self.state(layout::STACK_TOP));
        }
        if self.plan.uses_fuel {
            self.asm.load(Size::B8, FUEL, self.state(layout::FUEL));
        }
        if self.plan.uses_state {
            self.asm.bind(self.body);
        }
    }

    /// The exit of the function that is being compiled.
    pub(super) fn leave(&mut self) {
        let is_entry = self.function == 0;
        if is_entry && self.plan.uses_fuel {
            self.asm.store(Size::B8, self.state(layout::FUEL), FUEL);
        }
        if let Some(function) = self.plan.functions.get(self.function) {
            self.epilogue(function, is_entry);
        }
    }

    /// Where a program lands that is stopped, in whatever function: back to the runtime.
    pub(super) fn land(&mut self) {
        if self.plan.calls_locally {
            self.asm
                .load(Size::B8, Gpr::RSP, self.state(layout::LANDING_STACK));
        }
        if let Some(entry) = self.plan.functions.first() {
            self.epilogue(entry, true);
        }
    }

    fn epilogue(&mut self, function: &Function, is_entry: bool) {
        if self.padded(function, is_entry) {
            self.asm.op_number(Op::Add, Width::W64, Gpr::RSP, 8);
        }
        for register in self.saved(function, is_entry).rev() {
            self.asm.pop(register);
        }
        self.asm.ret();
    }

    /// The registers that a function saves: of the program's that it writes, and at the entry of those
    /// that the program needs for itself, the ones that C functions preserve.
    fn saved(
        &self,
        function: &Function,
        is_entry: bool,
    ) -> impl DoubleEndedIterator<Item = Gpr> + use<> {
        let state = (is_entry && self.plan.uses_state).then_some(self.registers.state);
        let frame = (is_entry && self.plan.uses_frames).then_some(self.gpr(Reg::FP));
        let preserves = function.preserves.clone();
        let registers = self.registers.clone();
        let own = preserves.into_iter().map(move |reg| registers.of(reg));
        let kept = state.into_iter().chain(frame).chain(own);
        kept.filter(|register| is_preserved(*register))
    }

    /// Whether the machine's stack needs 8 bytes more to be aligned at calls.
    fn padded(&self, function: &Function, is_entry: bool) -> bool {
        function.calls && self.saved(function, is_entry).count().is_multiple_of(2)
    }
}
