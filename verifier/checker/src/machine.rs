//! What the instructions of all kinds need: the image, identities, facts, and typed reading of
//! registers.

use alloc::string::String;

use bpf_object::{DataSection, Image, MapDef, Operand, Reg};

use crate::finding::Cause;
use crate::number::Number;
use crate::platform::Platform;
use crate::recorder::Recorder;
use crate::state::State;
use crate::value::{Base, Id, Ids, Origin, Pointer, Scalar, Value};

/// Executes instructions on states.
pub(crate) struct Machine<'i> {
    pub(crate) image: &'i Image,
    pub(crate) platform: &'i dyn Platform,
    pub(crate) ids: Ids,
    pub(crate) facts: Recorder,
}

impl Machine<'_> {
    /// What a register holds, which must be something.
    pub(crate) fn value(&self, state: &State, reg: Reg) -> Result<Value, Cause> {
        match state.get(reg) {
            Value::Unset(why) => Err(Cause::Unset { reg, why }),
            value => Ok(value),
        }
    }

    /// An operand: a register, or an immediate that is sign-extended.
    pub(crate) fn operand(&self, state: &State, operand: Operand) -> Result<Value, Cause> {
        match operand {
            Operand::Reg(reg) => self.value(state, reg),
            Operand::Imm(imm) => Ok(Value::constant(i64::from(imm).cast_unsigned())),
        }
    }

    /// What a register holds, which must be a number.
    pub(crate) fn number(&self, state: &State, reg: Reg) -> Result<Scalar, Cause> {
        match self.value(state, reg)? {
            Value::Number(scalar) => Ok(scalar),
            _ => Err(Cause::NotANumber { reg }),
        }
    }

    /// What a register holds, which must be a pointer.
    pub(crate) fn pointer(&self, state: &State, reg: Reg) -> Result<Pointer, Cause> {
        match self.value(state, reg)? {
            Value::Pointer(pointer) => Ok(pointer),
            _ => Err(Cause::NotAPointer { reg }),
        }
    }

    /// A number that was computed or loaded just now: it gets an identity, unless it is constant.
    pub(crate) fn numbered(&mut self, number: Number) -> Value {
        let id = if number.as_constant().is_some() {
            Id::NONE
        } else {
            self.ids.fresh()
        };
        Value::Number(Scalar {
            number,
            id,
            origin: Origin::Any,
        })
    }

    pub(crate) fn map(&self, index: u32) -> Option<&MapDef> {
        self.image.maps().get(usize::try_from(index).ok()?)
    }

    pub(crate) fn map_name(&self, index: u32) -> String {
        self.map(index)
            .map_or_else(String::new, |map| map.name.clone())
    }

    pub(crate) fn data(&self, index: u32) -> Option<&DataSection> {
        self.image.data().get(usize::try_from(index).ok()?)
    }

    /// The cause for arithmetic on a value that may be null.
    pub(crate) fn null_arithmetic(&self, reg: Reg, base: Base) -> Cause {
        match base {
            Base::MapValue { map, lookup, .. } => Cause::NullArithmetic {
                reg,
                map: self.map_name(map),
                lookup,
            },
            _ => Cause::NotANumber { reg },
        }
    }
}
