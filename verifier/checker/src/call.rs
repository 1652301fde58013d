//! Calls: helpers by the platform's prototypes, and functions of the program.

use alloc::rc::Rc;

use bpf_object::Reg;
use platform_click::limits::MAX_CALL_FRAMES;
use platform_click::{ArgKind, HelperId, HelperSpec, ReturnKind};

use crate::finding::Cause;
use crate::frame::Frame;
use crate::machine::Machine;
use crate::mistake::{Mistake, planted};
use crate::number::Number;
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
        let spec = helper.spec();
        let map = self.check_arguments(state, &spec)?;
        self.facts.helper(helper);
        if spec.reallocates_packet {
            state.forget_packet(slot);
        }
        for reg in ARGUMENTS
            .into_iter()
            .filter(|_| !planted(Mistake::ArgumentsKept))
        {
            state.set(reg, Value::Unset(Unset::Call { slot }));
        }
        let result = match (spec.ret, map) {
            (ReturnKind::MapValueOrNull, Some(map)) => Value::Pointer(Pointer {
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
            (ReturnKind::MapValueOrNull, None) => Value::Unset(Unset::Call { slot }),
            (ReturnKind::Integer, _) => self.numbered(Number::ANY),
        };
        state.set(Reg::R0, result);
        Ok(())
    }

    /// The helper with this number, if programs of this kind may call it.
    pub(crate) fn helper(&self, id: u32) -> Result<HelperId, Cause> {
        let helper = HelperId::from_number(id).ok_or(Cause::UnknownHelper { id })?;
        let spec = helper.spec();
        if spec.kinds.contains(self.image.kind()) {
            return Ok(helper);
        }
        Err(Cause::HelperKind {
            helper: spec.name,
            kind: self.image.kind(),
        })
    }

    /// Proves what the prototype asks of each argument; gives the map, if there is one.
    fn check_arguments(&mut self, state: &State, spec: &HelperSpec) -> Result<Option<u32>, Cause> {
        let mut map = None;
        for (reg, arg) in ARGUMENTS.into_iter().zip(spec.args) {
            match arg.kind {
                ArgKind::Map => match self.value(state, reg)? {
                    Value::Pointer(Pointer {
                        base: Base::Map(index),
                        ..
                    }) => map = Some(index),
                    _ => return Err(argument(spec, reg, "a map")),
                },
                ArgKind::MapKey | ArgKind::MapValue => {
                    let definition = map.and_then(|map| self.map(map));
                    let size = definition.map(|map| match arg.kind {
                        ArgKind::MapKey => map.key_size,
                        _ => map.value_size,
                    });
                    let size = size.ok_or_else(|| argument(spec, reg, "memory of a map's size"))?;
                    self.check_readable(state, reg, u64::from(size))?;
                }
                // Checked together with its size, which is the next argument.
                ArgKind::ReadableMemory => {
                    self.pointer(state, reg)?;
                }
                ArgKind::MemorySize => self.check_sized(state, spec, reg)?,
                ArgKind::Scalar => {
                    self.number(state, reg)
                        .map_err(|cause| scalar(spec, reg, cause))?;
                }
            }
        }
        Ok(map)
    }

    /// The memory in the register before `reg`, whose size is in `reg`.
    fn check_sized(&mut self, state: &State, spec: &HelperSpec, reg: Reg) -> Result<(), Cause> {
        let size = self
            .number(state, reg)
            .map_err(|cause| scalar(spec, reg, cause))?;
        let bounds = size.number.signed();
        let memory = reg.number().checked_sub(1).and_then(Reg::new);
        let (Some(memory), true) = (memory, *bounds.start() > 0) else {
            return Err(Cause::Size {
                helper: spec.name,
                reg,
                least: *bounds.start(),
                greatest: *bounds.end(),
            });
        };
        self.check_readable(state, memory, bounds.end().unsigned_abs())
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

fn argument(spec: &HelperSpec, reg: Reg, expected: &'static str) -> Cause {
    Cause::Argument {
        helper: spec.name,
        reg,
        expected,
    }
}

/// A pointer where a helper takes a number would make an address visible.
fn scalar(spec: &HelperSpec, reg: Reg, cause: Cause) -> Cause {
    match cause {
        Cause::NotANumber { .. } => argument(spec, reg, "a number"),
        other => other,
    }
}
