//! Where paths meet: the state that describes both.
//!
//! A value with one identity on both sides keeps it. Where the identities differ the joined value
//! gets a new one, the same for every place that has this pair of identities, so that copies of a
//! pointer stay copies of each other.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::rc::Rc;
use alloc::vec::Vec;

use bpf_object::{AluOp, Width};

use crate::mistake::{Mistake, planted};
use crate::number::Number;
use crate::state::{Call, MAX_CHECKED, REGISTERS, State};
use crate::value::{Base, Id, Ids, Origin, Pointer, Scalar, Unset, Value};

/// The state that describes both; both are at the same instruction, in the same calls.
pub(crate) fn join(a: &State, b: &State, ids: &mut Ids) -> State {
    let mut joiner = Joiner {
        ids,
        pairs: BTreeMap::new(),
        packet_pairs: Vec::new(),
        positions: BTreeSet::new(),
    };
    let mut registers = [Value::Unset(Unset::Never); REGISTERS];
    for (joined, (a, b)) in registers
        .iter_mut()
        .zip(a.registers.iter().zip(&b.registers))
    {
        *joined = joiner.value(a, b);
    }
    let pairs = a.calls.iter().zip(&b.calls);
    let calls = pairs.map(|(a, b)| joiner.call(a, b)).collect();
    let sums = joiner.sums(a, b);
    State {
        registers,
        calls,
        checked: joiner.checked(a, b),
        sums,
        executed: a.executed.max(b.executed),
        oversize: a.oversize && b.oversize,
    }
}

struct Joiner<'i> {
    ids: &'i mut Ids,
    /// The new identity for a pair of identities and, for packet pointers, the difference of their
    /// fixed offsets.
    pairs: BTreeMap<(Id, Id, i64), Id>,
    /// Those of packet pointers.
    packet_pairs: Vec<((Id, Id, i64), Id)>,
    /// Identities of packet pointers that the joined state still knows.
    positions: BTreeSet<Id>,
}

impl Joiner<'_> {
    fn pair(&mut self, key: (Id, Id, i64)) -> (Id, bool) {
        let known = self.pairs.get(&key).copied();
        let id = known.unwrap_or_else(|| self.ids.fresh());
        self.pairs.insert(key, id);
        (id, known.is_none())
    }

    fn call(&mut self, a: &Call, b: &Call) -> Call {
        let mut saved = a.saved;
        for (joined, b) in saved.iter_mut().zip(&b.saved) {
            *joined = self.value(joined, b);
        }
        let frame = if Rc::ptr_eq(&a.frame, &b.frame) {
            Rc::clone(&a.frame)
        } else {
            Rc::new(a.frame.join(&b.frame, |a, b| self.value(a, b)))
        };
        Call {
            function: a.function,
            saved,
            frame,
        }
    }

    fn value(&mut self, a: &Value, b: &Value) -> Value {
        match (a, b) {
            (Value::Unset(why), _) | (_, Value::Unset(why)) => Value::Unset(*why),
            (Value::Number(a), Value::Number(b)) => Value::Number(self.scalar(a, b)),
            (Value::Pointer(a), Value::Pointer(b)) => self.pointer(a, b),
            (Value::Number(number), Value::Pointer(pointer)) => {
                self.null_or(number, pointer, |known| (Id::NONE, known, 0))
            }
            (Value::Pointer(pointer), Value::Number(number)) => {
                self.null_or(number, pointer, |known| (known, Id::NONE, 0))
            }
        }
    }

    fn scalar(&mut self, a: &Scalar, b: &Scalar) -> Scalar {
        let number = match planted(Mistake::JoinOneSided) {
            true => a.number,
            false => a.number.join(b.number),
        };
        let id = if a.id == b.id && a.id != Id::NONE {
            a.id
        } else if number.as_constant().is_some() {
            Id::NONE
        } else if a.id == Id::NONE || b.id == Id::NONE {
            // A constant has no identity to tell its copies by.
            self.ids.fresh()
        } else {
            self.pair((a.id, b.id, 0)).0
        };
        let origin = if a.origin == b.origin {
            a.origin
        } else {
            Origin::Any
        };
        self.positions.extend(origin.room().map(|room| room.id));
        Scalar { number, id, origin }
    }

    /// The number 0 and the value of a map, before any arithmetic: a value that may be null.
    fn null_or(
        &mut self,
        number: &Scalar,
        pointer: &Pointer,
        key: impl Fn(Id) -> (Id, Id, i64),
    ) -> Value {
        if let Base::MapValue { map, lookup, .. } = pointer.base
            && number.number.as_constant() == Some(0)
            && pointer.offsets() == (0, 0)
        {
            return Value::Pointer(Pointer {
                base: Base::MapValue {
                    map,
                    lookup,
                    maybe_null: true,
                },
                id: self.pair(key(pointer.id)).0,
                ..*pointer
            });
        }
        Value::Unset(Unset::Mixed)
    }

    fn pointer(&mut self, a: &Pointer, b: &Pointer) -> Value {
        let base = match (a.base, b.base) {
            (
                Base::MapValue {
                    map,
                    lookup,
                    maybe_null,
                },
                Base::MapValue {
                    map: other,
                    maybe_null: other_maybe_null,
                    ..
                },
            ) if map == other => Base::MapValue {
                map,
                lookup,
                maybe_null: maybe_null || other_maybe_null,
            },
            (a, b) if a == b => a,
            _ => return Value::Unset(Unset::Mixed),
        };
        let delta = b.fixed.saturating_sub(a.fixed);
        let moved = Number::alu(
            AluOp::Add,
            Width::W64,
            b.variable,
            Number::constant(delta.cast_unsigned()),
        );
        let id = self.pointer_id(base, a.id, b.id, delta);
        if base == Base::Packet {
            self.positions.insert(id);
        }
        Value::Pointer(Pointer {
            base,
            fixed: a.fixed,
            variable: a.variable.join(moved),
            id,
        })
    }

    fn pointer_id(&mut self, base: Base, a: Id, b: Id, delta: i64) -> Id {
        match base {
            Base::Packet if a != b || delta != 0 => {
                let key = (a, b, delta);
                let (id, is_new) = self.pair(key);
                if is_new {
                    self.packet_pairs.push((key, id));
                }
                id
            }
            // Which object was found does not depend on the offset.
            Base::MapValue { .. } if a != b => self.pair((a, b, 0)).0,
            _ => a,
        }
    }

    /// What is checked on both sides. `base + variable` of a new identity is that of `a`, and that
    /// of `b` plus the difference of the fixed offsets.
    /// Positions that nothing refers to any more are left out.
    fn checked(&self, a: &State, b: &State) -> Vec<(Id, i64)> {
        let known = |(id, _): &&(Id, i64)| *id == Id::NONE || self.positions.contains(id);
        let both = a.checked.iter().filter(known).filter_map(|(id, bytes)| {
            let other = b.checked(*id)?;
            Some((*id, (*bytes).min(other)))
        });
        let new = self
            .packet_pairs
            .iter()
            .filter_map(|((of_a, of_b, delta), id)| {
                let in_b = b.checked(*of_b)?.saturating_sub(*delta);
                Some((*id, a.checked(*of_a)?.min(in_b)))
            });
        both.chain(new).take(MAX_CHECKED).collect()
    }

    fn sums(&mut self, a: &State, b: &State) -> Vec<((Id, Id), Id)> {
        let in_both = |sum: &&((Id, Id), Id)| b.sums.contains(sum);
        let sums: Vec<_> = a.sums.iter().filter(in_both).copied().collect();
        self.positions.extend(sums.iter().map(|(_, sum)| *sum));
        sums
    }
}
