//! Executing the blocks of a walk: instruction by instruction, and where each leads.

use alloc::boxed::Box;

use bpf_object::{Insn, Reg, Wide};

use crate::branch::{Branch, Sides};
use crate::finding::Cause;
use crate::machine::Machine;
use crate::place::Target;
use crate::state::State;
use crate::value::{Base, Value};
use crate::walk::{Activation, INCONSISTENT, Stop, Walk};

/// Why a path does not go on.
enum Halt {
    /// What was found on it.
    Finding(Cause),
    /// The walk ends.
    Stop(Stop),
}

impl From<Cause> for Halt {
    fn from(cause: Cause) -> Self {
        Self::Finding(cause)
    }
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl Walk<'_> {
    /// Looks at the helpers of all instructions, reachable or not: the runtime does not load a
    /// program that names one which it may not call.
    pub(crate) fn check_helpers(&mut self) -> Result<(), Stop> {
        for (slot, insn) in (0..).zip(self.machine.image.code()) {
            if let Insn::CallHelper { id } = *insn
                && let Err(cause) = self.machine.helper(id)
            {
                self.found(slot, cause)?;
            }
        }
        Ok(())
    }

    /// Executes a block.
    pub(crate) fn block(
        &mut self,
        at: &mut Activation,
        place: usize,
        mut state: Box<State>,
    ) -> Result<(), Stop> {
        let slots = at.graph.blocks.get(place).cloned().ok_or(INCONSISTENT)?;
        for slot in slots.clone() {
            let index = usize::try_from(slot).unwrap_or(usize::MAX);
            let insn = self.machine.image.code().get(index).copied();
            let insn = insn.ok_or(INCONSISTENT)?;
            if insn == Insn::WideTail {
                continue;
            }
            self.charge(1)?;
            self.machine.facts.reached(&state, slot);
            let executed = &mut state.executed.instructions;
            *executed = executed.saturating_add(1);
            state = match self.instruction(at, place, slot, insn, state) {
                Ok(Some(state)) => state,
                Ok(None) => return Ok(()),
                Err(Halt::Finding(cause)) => return self.found(slot, cause),
                Err(Halt::Stop(stop)) => return Err(stop),
            };
        }
        self.put(at, place, slots.end, state)
    }

    /// Executes an instruction; gives the state in front of the one behind it, unless the path ends
    /// or goes on in front of other blocks.
    fn instruction(
        &mut self,
        at: &mut Activation,
        place: usize,
        slot: u32,
        insn: Insn,
        mut state: Box<State>,
    ) -> Result<Option<Box<State>>, Halt> {
        match insn {
            Insn::Branch {
                width,
                cond,
                dst,
                src,
                target,
            } => {
                self.charge(state.weight())?;
                let branch = Branch {
                    width,
                    cond,
                    dst,
                    src,
                };
                let Sides { taken, not_taken } = self.machine.branch(state, branch)?;
                let facts = &mut self.machine.facts;
                facts.branched(slot, taken.is_some(), not_taken.is_some());
                if let Some(state) = not_taken {
                    self.put(at, place, slot.saturating_add(1), state)?;
                }
                if let Some(state) = taken {
                    self.put(at, place, target, state)?;
                }
                Ok(None)
            }
            Insn::Jump { target } => {
                self.put(at, place, target, state)?;
                Ok(None)
            }
            Insn::Exit => {
                if state.depth() == 0 {
                    self.check_return(&state)?;
                } else {
                    at.exit = Some(self.meet(at.exit.take(), state)?);
                }
                Ok(None)
            }
            Insn::CallLocal { target } => self.call(state, slot, target),
            Insn::CallHelper { id } => {
                self.charge(state.weight())?;
                self.machine.call_helper(&mut state, slot, id)?;
                Ok(Some(state))
            }
            other => {
                straight(&mut self.machine, &mut state, other)?;
                Ok(Some(state))
            }
        }
    }

    /// Walks through a called function and goes on behind the call, if it returns.
    fn call(
        &mut self,
        mut state: Box<State>,
        slot: u32,
        target: u32,
    ) -> Result<Option<Box<State>>, Halt> {
        let functions = self.machine.image.functions();
        let function = functions.binary_search_by_key(&target, |function| function.start);
        let function = function.map_err(|_| INCONSISTENT)?;
        self.charge(state.weight())?;
        self.machine.enter(&mut state, function)?;
        let Some(mut returned) = self.function(function, state)? else {
            return Ok(None);
        };
        self.machine.leave(&mut returned, slot);
        Ok(Some(returned))
    }

    /// The program ends: `r0` is a number that its kind may return.
    fn check_return(&mut self, state: &State) -> Result<(), Cause> {
        let number = match self.machine.value(state, Reg::R0)? {
            Value::Number(scalar) => scalar.number.unsigned(),
            _ => return Err(Cause::ReturnsPointer),
        };
        let kind = self.machine.image.kind();
        let allowed = self.machine.platform.returns(kind);
        if !allowed.contains(number.start()) || !allowed.contains(number.end()) {
            return Err(Cause::Return {
                kind,
                least: *number.start(),
                greatest: *number.end(),
            });
        }
        self.machine.facts.returned(number, state.executed);
        Ok(())
    }
}

/// Executes an instruction that leads to the next one.
fn straight(machine: &mut Machine<'_>, state: &mut State, insn: Insn) -> Result<(), Halt> {
    match insn {
        Insn::Alu {
            width,
            op,
            dst,
            src,
        } => machine.alu(state, width, op, dst, src)?,
        Insn::MovSx {
            width,
            dst,
            src,
            from,
        } => machine.sign_extend(state, width, dst, src, from)?,
        Insn::Neg { width, dst } => machine.neg(state, width, dst)?,
        Insn::Swap { kind, width, dst } => machine.swap(state, kind, width, dst)?,
        Insn::Wide { dst, value } => state.set(dst, wide(value)),
        Insn::Load {
            size,
            signed,
            dst,
            base,
            off,
        } => {
            let loaded = machine.load(state, Target { base, off }, size, signed)?;
            state.set(dst, loaded);
        }
        Insn::Store {
            size,
            base,
            off,
            src,
        } => machine.store(state, Target { base, off }, size, src)?,
        Insn::Atomic {
            size,
            op,
            base,
            off,
            src,
        } => machine.atomic(state, Target { base, off }, size, op, src)?,
        Insn::WideTail
        | Insn::Jump { .. }
        | Insn::Branch { .. }
        | Insn::CallHelper { .. }
        | Insn::CallLocal { .. }
        | Insn::Exit => return Err(INCONSISTENT.into()),
    }
    Ok(())
}

/// RFC 9669, 5.4.
fn wide(value: Wide) -> Value {
    match value {
        Wide::Number(number) => Value::constant(number),
        Wide::Map(index) => Value::pointer(Base::Map(index), 0),
        Wide::Data { section, offset } => Value::pointer(Base::Data(section), i64::from(offset)),
    }
}
