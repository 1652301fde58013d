//! The reference interpreter: one instruction after the other, as RFC 9669 says.

use bpf_object::{AtomicOp, Insn, Operand, Reg, Size, Wide, Width};
use platform_click::HelperId;

use crate::address::Object;
use crate::arithmetic;
use crate::environment::Environment;
use crate::fault::{Fault, FaultCause};
use crate::frames::Frames;
use crate::helper::{Call, Scratch};
use crate::memory::View;
use crate::registers::{Registers, Word};
use crate::stack::STACK_SIZE;
use crate::{instance::Outcome, number};

/// Sees each instruction before it is executed: for coverage, and for comparing a proof's claims
/// about registers with what they hold.
pub trait Observer {
    /// The instruction in `slot` is about to be executed.
    fn step(&mut self, slot: u32, registers: &Registers);
}

/// Sees nothing and costs nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    #[inline]
    fn step(&mut self, _: u32, _: &Registers) {}
}

/// A run in progress.
pub(crate) struct Run<'a, 'b> {
    code: &'a [Insn],
    registers: Registers,
    frames: Frames,
    view: View<'b>,
    scratch: &'a mut Scratch,
    environment: &'a mut dyn Environment,
}

/// What follows an instruction.
enum Next {
    Slot(usize),
    End,
}

impl<'a, 'b> Run<'a, 'b> {
    pub(crate) fn new(
        code: &'a [Insn],
        mut view: View<'b>,
        scratch: &'a mut Scratch,
        environment: &'a mut dyn Environment,
    ) -> Self {
        let mut registers = Registers::new();
        registers.set(Reg::R1, view.address(Object::Context));
        let stack_end = view.address(Object::Stack);
        registers.set(Reg::FP, stack_end.wrapping_add(number::wide(STACK_SIZE)));
        // The first frame always fits.
        let _ = view.stack().enter();
        Self {
            code,
            registers,
            frames: Frames::new(),
            view,
            scratch,
            environment,
        }
    }

    /// Runs to the end of the program, for at most `fuel` instructions.
    pub(crate) fn run(mut self, fuel: u64, observer: &mut impl Observer) -> Result<Outcome, Fault> {
        let mut slot = 0;
        let mut instructions: u64 = 0;
        loop {
            let place = u32::try_from(slot).unwrap_or(u32::MAX);
            let fault = |cause| Fault { slot: place, cause };
            if instructions >= fuel {
                return Err(fault(FaultCause::OutOfFuel { fuel }));
            }
            instructions = instructions.saturating_add(1);
            observer.step(place, &self.registers);
            match self.step(slot).map_err(fault)? {
                Next::Slot(next) => slot = next,
                Next::End => {
                    let value = self.registers.used(Reg::R0).map_err(fault)?;
                    let outcome = Outcome {
                        value,
                        instructions,
                        call_depth: self.frames.deepest(),
                        stack_bytes: self.view.stack().depth(),
                    };
                    self.view.finish();
                    return Ok(outcome);
                }
            }
        }
    }

    #[inline]
    fn step(&mut self, slot: usize) -> Result<Next, FaultCause> {
        let insn = self.code.get(slot).ok_or(FaultCause::NotExecutable)?;
        let following = slot.saturating_add(1);
        match *insn {
            Insn::Alu {
                width,
                op: bpf_object::AluOp::Mov,
                dst,
                src,
            } => self.copy(width, dst, src)?,
            Insn::Alu {
                width,
                op,
                dst,
                src,
            } => {
                let right = self.operand(src)?;
                let left = self.registers.used(dst)?;
                self.registers
                    .set(dst, arithmetic::alu(width, op, left, right));
            }
            Insn::MovSx {
                width,
                dst,
                src,
                from,
            } => {
                let value = self.registers.used(src)?;
                self.registers
                    .set(dst, arithmetic::move_extended(width, from, value));
            }
            Insn::Neg { width, dst } => {
                let value = self.registers.used(dst)?;
                self.registers.set(dst, arithmetic::negate(width, value));
            }
            Insn::Swap { kind, width, dst } => {
                let value = self.registers.used(dst)?;
                self.registers
                    .set(dst, arithmetic::swap(kind, width, value));
            }
            Insn::Wide { dst, value } => {
                self.registers.set(dst, self.wide(value));
                return Ok(Next::Slot(slot.saturating_add(2)));
            }
            Insn::WideTail => return Err(FaultCause::NotExecutable),
            Insn::Load {
                size,
                signed,
                dst,
                base,
                off,
            } => {
                let address = self.address(base, off)?;
                let mut word = self.view.load(address, size)?;
                if signed {
                    word.value = arithmetic::sign_extend(size, word.value);
                }
                self.registers.set_word(dst, word);
            }
            Insn::Store {
                size,
                base,
                off,
                src,
            } => self.store(size, self.address(base, off)?, src)?,
            Insn::Atomic {
                size,
                op,
                base,
                off,
                src,
            } => self.atomic(size, op, self.address(base, off)?, src)?,
            Insn::Jump { target } => return Ok(Next::Slot(number::index(target))),
            Insn::Branch {
                width,
                cond,
                dst,
                src,
                target,
            } => {
                let right = self.operand(src)?;
                let left = self.registers.used(dst)?;
                if arithmetic::holds(width, cond, left, right) {
                    return Ok(Next::Slot(number::index(target)));
                }
            }
            Insn::CallHelper { id } => self.call_helper(id)?,
            Insn::CallLocal { target } => {
                self.enter(following)?;
                return Ok(Next::Slot(number::index(target)));
            }
            Insn::Exit => {
                return Ok(match self.frames.leave(&mut self.registers) {
                    Some(caller) => {
                        self.view.stack().leave();
                        Next::Slot(caller)
                    }
                    None => Next::End,
                });
            }
        }
        Ok(Next::Slot(following))
    }

    /// A value that is about to be used.
    #[inline]
    fn operand(&self, operand: Operand) -> Result<u64, FaultCause> {
        match operand {
            Operand::Reg(register) => self.registers.used(register),
            Operand::Imm(value) => Ok(arithmetic::immediate(value)),
        }
    }

    /// The offset is signed and the sum wraps (RFC 9669, section 5.1).
    #[inline]
    fn address(&self, base: Reg, off: i16) -> Result<u64, FaultCause> {
        Ok(self
            .registers
            .used(base)?
            .wrapping_add_signed(i64::from(off)))
    }

    /// A whole register can be copied even if it is undefined: compilers and verifiers do that.
    #[inline]
    fn copy(&mut self, width: Width, dst: Reg, src: Operand) -> Result<(), FaultCause> {
        match (width, src) {
            (Width::W64, Operand::Reg(src)) => {
                let word = self.registers.word(src);
                self.registers.set_word(dst, word);
            }
            _ => {
                let value = self.operand(src)?;
                let moved = arithmetic::alu(width, bpf_object::AluOp::Mov, 0, value);
                self.registers.set(dst, moved);
            }
        }
        Ok(())
    }

    fn wide(&self, value: Wide) -> u64 {
        match value {
            Wide::Number(number) => number,
            Wide::Map(map) => self.view.address(Object::MapHandle { map }),
            Wide::Data { section, offset } => self
                .view
                .address(Object::Data { section })
                .wrapping_add(u64::from(offset)),
        }
    }

    #[inline]
    fn store(&mut self, size: Size, address: u64, src: Operand) -> Result<(), FaultCause> {
        match src {
            Operand::Reg(register) => {
                let word = self.registers.word(register);
                self.view.store(address, size, word, Some(register))
            }
            Operand::Imm(value) => {
                let value = arithmetic::immediate(value);
                self.view.store(address, size, defined(value), None)
            }
        }
    }

    /// RFC 9669, section 5.3. Memory, `src` and, for a comparison, `r0` must be defined. Alignment is
    /// not asked for. Nothing else runs meanwhile, so that a load and a store are atomic.
    fn atomic(
        &mut self,
        size: Size,
        op: AtomicOp,
        address: u64,
        src: Reg,
    ) -> Result<(), FaultCause> {
        let operand = self.registers.used(src)?;
        let expected = match op {
            AtomicOp::CompareExchange => self.registers.used(Reg::R0)?,
            _ => 0,
        };
        let old = self.view.load(address, size)?;
        if !old.defined {
            let size = size.bytes();
            return Err(FaultCause::UninitialisedStack { address, size });
        }
        let new = arithmetic::atomic(op, size, old.value, operand, expected);
        self.view.store(address, size, defined(new), None)?;
        match op {
            AtomicOp::Add { fetch: true }
            | AtomicOp::Or { fetch: true }
            | AtomicOp::And { fetch: true }
            | AtomicOp::Xor { fetch: true }
            | AtomicOp::Exchange => self.registers.set(src, old.value),
            AtomicOp::CompareExchange => self.registers.set(Reg::R0, old.value),
            AtomicOp::Add { fetch: false }
            | AtomicOp::Or { fetch: false }
            | AtomicOp::And { fetch: false }
            | AtomicOp::Xor { fetch: false } => {}
        }
        Ok(())
    }

    fn call_helper(&mut self, id: u32) -> Result<(), FaultCause> {
        // Instances refuse programs that call anything else.
        let helper = HelperId::from_number(id).ok_or(FaultCause::NotExecutable)?;
        let call = Call {
            registers: &self.registers,
            view: &mut self.view,
            scratch: self.scratch,
            environment: self.environment,
        };
        let value = call.run(helper)?;
        self.registers.scratch();
        self.registers.set(Reg::R0, value);
        Ok(())
    }

    /// Enters a frame of its own for the callee; arguments stay in `r1` to `r5`.
    fn enter(&mut self, return_slot: usize) -> Result<(), FaultCause> {
        let waiting = self.frames.enter(return_slot, &self.registers);
        let entered = waiting.and_then(|()| self.view.stack().enter());
        entered.ok_or(FaultCause::CallDepth)?;
        let frame = number::wide(platform_click::limits::STACK_FRAME_SIZE);
        let pointer = self.registers.used(Reg::FP)?.wrapping_sub(frame);
        self.registers.set(Reg::FP, pointer);
        Ok(())
    }
}

const fn defined(value: u64) -> Word {
    Word {
        value,
        defined: true,
    }
}
