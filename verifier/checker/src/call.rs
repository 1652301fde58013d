//! Calls: helpers by the platform's prototypes, and functions of the program.

use alloc::rc::Rc;

use bpf_object::Reg;
use platform_click::HelperId;
use platform_click::limits::MAX_CALL_FRAMES;
use platform_click::{MapUse, print};

use crate::finding::Cause;
use crate::frame::Frame;
use crate::machine::Machine;
use crate::mistake::{Mistake, planted};
use crate::number::Number;
use crate::platform::{Argument, Prototype, Returned};
use crate::state::{Call, State};
use crate::value::{Base, Pointer, Unset, Value};

/// Arguments, in order (RFC 9669, 2).
const ARGUMENTS: [Reg; 5] = [Reg::R1, Reg::R2, Reg::R3, Reg::R4, Reg::R5];

/// Kept over calls.
const KEPT: [Reg; 4] = [Reg::R6, Reg::R7, Reg::R8, Reg::R9];

impl Machine<'_> {
    /// Calls a helper.
    pub(crate) fn call_helper(
        &mut self,
        state: &mut State,
        slot: u32,
        id: u32,
    ) -> Result<(), Cause> {
        let helper = self.helper(id)?;
        let map = self.check_arguments(state, &helper)?;
        self.facts.helper(helper.id);
        let executed = &mut state.executed;
        executed.helper_calls = executed.helper_calls.saturating_add(1);
        let updates = matches!(
            helper.id,
            Some(HelperId::MapUpdateElem | HelperId::MapDeleteElem)
        );
        executed.map_updates = executed.map_updates.saturating_add(updates.into());
        if helper.reallocates_packet {
            state.forget_packet(slot);
        }
        let given_up = |_: &Reg| !planted(Mistake::ArgumentsKept);
        for reg in ARGUMENTS.into_iter().filter(given_up) {
            state.set(reg, Value::Unset(Unset::Call { slot }));
        }
        let result = match (helper.ret, map) {
            (Returned::MapValueOrNull, Some(map)) => Value::Pointer(Pointer {
                base: Base::MapValue {
                    map,
                    lookup: slot,
                    maybe_null: true,
                },
                fixed: 0,
                variable: Number::constant(0),
                id: self.ids.fresh(),
            }),
            // A prototype that returns a map value has a map among its arguments.
            (Returned::MapValueOrNull, None) | (Returned::Unknown, _) => {
                Value::Unset(Unset::Call { slot })
            }
            (Returned::Number, _) => self.numbered(Number::ANY),
        };
        state.set(Reg::R0, result);
        Ok(())
    }

    /// The helper with this number, if programs of this kind may call it.
    pub(crate) fn helper(&self, id: u32) -> Result<Prototype, Cause> {
        self.platform.helper(id, self.image.kind())
    }

    /// Proves what the prototype asks of each argument; gives the map, if there is one.
    fn check_arguments(
        &mut self,
        state: &mut State,
        helper: &Prototype,
    ) -> Result<Option<u32>, Cause> {
        let mut map = None;
        let mut memory = Argument::Unused;
        for (reg, arg) in ARGUMENTS.into_iter().zip(helper.args) {
            match arg {
                Argument::Unused => {}
                Argument::Map | Argument::Queue | Argument::RingBuffer => {
                    map = Some(self.map_argument(state, helper, reg, arg)?);
                }
                Argument::Key | Argument::Value => {
                    let size = self.element_size(map, helper, reg, arg)?;
                    self.check_readable(state, reg, u64::from(size))?;
                }
                Argument::Output => {
                    let size = self.element_size(map, helper, reg, arg)?;
                    self.fill(state, reg, (size.into(), size.into()))?;
                }
                // Checked together with its size, which is the next argument.
                Argument::Readable | Argument::Writable | Argument::Optional => {
                    self.value(state, reg)?;
                }
                Argument::Required => {
                    self.pointer(state, reg)?;
                }
                Argument::Size | Argument::SizeOrZero => {
                    self.check_sized(state, helper, reg, (memory, arg))?;
                }
                Argument::Number => {
                    self.number(state, reg)
                        .map_err(|cause| scalar(helper, reg, cause))?;
                }
                Argument::Printed => self.check_printed(state, helper, reg)?,
                Argument::Context => match self.pointer(state, reg)? {
                    pointer if pointer.base == Base::Context && pointer.offsets() == (0, 0) => {}
                    _ => return Err(argument(helper, reg, "the context")),
                },
                Argument::Anything => {
                    self.value(state, reg)?;
                }
            }
            memory = arg;
        }
        Ok(map)
    }

    /// A map that is used as the argument asks.
    fn map_argument(
        &mut self,
        state: &State,
        helper: &Prototype,
        reg: Reg,
        arg: Argument,
    ) -> Result<u32, Cause> {
        let (usage, expected) = match arg {
            Argument::Queue => (MapUse::Queue, "a queue or stack"),
            Argument::RingBuffer => (MapUse::Ring, "a ring buffer"),
            _ => (MapUse::Keyed, "a map with keys"),
        };
        match self.value(state, reg)? {
            Value::Pointer(Pointer {
                base: Base::Map(index),
                ..
            }) if self.map(index).is_some_and(|map| map.kind.usage() == usage) => Ok(index),
            _ => Err(argument(helper, reg, expected)),
        }
    }

    /// Bytes of a key or value of the map among the arguments before.
    fn element_size(
        &self,
        map: Option<u32>,
        helper: &Prototype,
        reg: Reg,
        arg: Argument,
    ) -> Result<u32, Cause> {
        let definition = map.and_then(|map| self.map(map));
        let definition =
            definition.ok_or_else(|| argument(helper, reg, "memory of a map's size"))?;
        Ok(match arg {
            Argument::Key => definition.key_size,
            _ => definition.value_size,
        })
    }

    /// A number, or a register without a value that the text does not print: what a register happens
    /// to hold after a call may be an address.
    fn check_printed(&mut self, state: &State, helper: &Prototype, reg: Reg) -> Result<(), Cause> {
        if !matches!(state.get(reg), Value::Unset(_)) {
            let number = self.number(state, reg);
            return number
                .map(|_| ())
                .map_err(|cause| scalar(helper, reg, cause));
        }
        let size = self.number(state, Reg::R2)?.number;
        let size = usize::try_from(*size.unsigned().end()).unwrap_or(usize::MAX);
        let text = self.known_text(state, Reg::R1, size.min(print::MAX_TEXT));
        let place = usize::from(reg.number()).saturating_sub(usize::from(Reg::R3.number()));
        // The numbers are printed in order: one behind the last is not looked at.
        if text.is_some_and(|text| print::numbers(&text) <= place) {
            return Ok(());
        }
        Err(argument(helper, reg, "a number, which the text prints,"))
    }

    /// The memory in the register before `reg`, whose size is in `reg`.
    fn check_sized(
        &mut self,
        state: &mut State,
        helper: &Prototype,
        reg: Reg,
        (memory, size): (Argument, Argument),
    ) -> Result<(), Cause> {
        let number = self
            .number(state, reg)
            .map_err(|cause| scalar(helper, reg, cause))?;
        let bounds = number.number.signed();
        let least = i64::from(size == Argument::Size);
        let base = reg.number().checked_sub(1).and_then(Reg::new);
        let (Some(base), true) = (base, *bounds.start() >= least) else {
            return Err(Cause::Size {
                helper: helper.name,
                reg,
                minimum: least,
                least: *bounds.start(),
                greatest: *bounds.end(),
            });
        };
        let most = bounds.end().unsigned_abs();
        match memory {
            Argument::Optional if most == 0 && is_null(self.value(state, base)?) => Ok(()),
            Argument::Required | Argument::Optional => self.check_readable(state, base, most),
            _ if most == 0 => Ok(()),
            Argument::Writable => self.fill(state, base, (*bounds.start(), most)),
            _ => self.check_readable(state, base, most),
        }
    }

    /// Enters a function: a frame of its own, its arguments, and nothing else.
    pub(crate) fn enter(&mut self, state: &mut State, function: usize) -> Result<(), Cause> {
        if state.calls.iter().any(|call| call.function == function) {
            let function = self.image.functions().get(function);
            return Err(Cause::Recursion {
                function: function.map_or_else(Default::default, |f| f.name.clone()),
            });
        }
        if state.calls.len() >= MAX_CALL_FRAMES {
            return Err(Cause::CallDepth);
        }
        state.calls.push(Call {
            function,
            saved: KEPT.map(|reg| state.get(reg)),
            frame: Rc::new(Frame::new()),
        });
        for reg in KEPT.into_iter().chain([Reg::R0]) {
            state.set(reg, Value::Unset(Unset::Never));
        }
        self.facts.called(state.calls.len());
        Ok(())
    }

    /// Returns from a function to the instruction after `slot`, its call.
    pub(crate) fn leave(&self, state: &mut State, slot: u32) {
        let Some(call) = state.calls.pop() else {
            return;
        };
        for (reg, value) in KEPT.into_iter().zip(call.saved) {
            state.set(reg, value);
        }
        for reg in ARGUMENTS {
            state.set(reg, Value::Unset(Unset::Call { slot }));
        }
        if state.get(Reg::R0) == Value::Unset(Unset::Never) {
            state.set(Reg::R0, Value::Unset(Unset::Call { slot }));
        }
        state.forget_frame(state.calls.len());
    }
}

fn is_null(value: Value) -> bool {
    matches!(value, Value::Number(scalar) if scalar.number.as_constant() == Some(0))
}

fn argument(helper: &Prototype, reg: Reg, expected: &'static str) -> Cause {
    Cause::Argument {
        helper: helper.name,
        reg,
        expected,
    }
}

/// A pointer where a helper takes a number would make an address visible.
fn scalar(helper: &Prototype, reg: Reg, cause: Cause) -> Cause {
    match cause {
        Cause::NotANumber { .. } => argument(helper, reg, "a number"),
        other => other,
    }
}
