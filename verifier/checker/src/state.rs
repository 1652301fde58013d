//! What is known when execution reaches an instruction.

use alloc::rc::Rc;
use alloc::vec::Vec;

use bpf_object::{AluOp, Reg, Width};
use platform_click::limits::MAX_PACKET_SIZE;

use crate::frame::Frame;
use crate::mistake::{Mistake, planted};
use crate::number::Number;
use crate::value::{Base, Id, Origin, Pointer, Room, Scalar, Unset, Value};

/// Packet pointers of which a state remembers how far they are checked: more than the registers and
/// what clang spills. Forgetting one loses precision only.
pub(crate) const MAX_CHECKED: usize = 32;

/// Sums of a packet pointer and a number of which a state remembers the identity.
const MAX_SUMS: usize = 16;

/// Number of registers that hold values; `r10` is fixed.
pub(crate) const REGISTERS: usize = 10;

/// What is known when execution reaches an instruction.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// `r0` to `r9`.
    pub(crate) registers: [Value; REGISTERS],
    /// The frames of the calls that are under way, the outermost first; at least one.
    pub(crate) calls: Vec<Call>,
    /// By identity of a packet pointer: so many bytes from it on are within the packet.
    pub(crate) checked: Vec<(Id, i64)>,
    /// The identity of packet pointer plus number, so that a sum computed twice has one identity.
    pub(crate) sums: Vec<((Id, Id), Id)>,
    /// What was executed so far, at most.
    pub(crate) executed: Executed,
    /// Whether a packet would have to be longer than any packet is.
    pub(crate) oversize: bool,
}

/// Counts of what a run executes; each is a bound by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Executed {
    pub(crate) instructions: u64,
    /// Calls of helpers.
    pub(crate) helper_calls: u64,
    /// Calls of helpers that take a map and change it.
    pub(crate) map_updates: u64,
}

impl Executed {
    /// The greatest of each count.
    pub(crate) fn max(self, other: Self) -> Self {
        Self {
            instructions: self.instructions.max(other.instructions),
            helper_calls: self.helper_calls.max(other.helper_calls),
            map_updates: self.map_updates.max(other.map_updates),
        }
    }
}

/// A call that is under way.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Index of the function.
    pub(crate) function: usize,
    /// `r6` to `r9` of the caller.
    pub(crate) saved: [Value; 4],
    /// Its stack frame; shared between states until one of them writes.
    pub(crate) frame: Rc<Frame>,
}

impl State {
    /// The state in which a program starts: the context in `r1`, an empty frame, and a packet of
    /// which nothing is checked but that its start is not behind its end.
    pub(crate) fn entry() -> Self {
        let mut registers = [Value::Unset(Unset::Never); REGISTERS];
        if let Some(r1) = registers.get_mut(Reg::R1.index()) {
            *r1 = Value::pointer(Base::Context, 0);
        }
        Self {
            registers,
            calls: alloc::vec![Call {
                function: 0,
                saved: [Value::Unset(Unset::Never); 4],
                frame: Rc::new(Frame::new()),
            }],
            checked: alloc::vec![(Id::NONE, 0)],
            sums: Vec::new(),
            executed: Executed::default(),
            oversize: false,
        }
    }

    /// Index of the innermost frame.
    pub(crate) fn depth(&self) -> usize {
        self.calls.len().saturating_sub(1)
    }

    /// What a register holds.
    pub(crate) fn get(&self, reg: Reg) -> Value {
        self.registers
            .get(reg.index())
            .copied()
            .unwrap_or_else(|| Value::pointer(Base::Stack(self.depth()), 0))
    }

    /// Sets a register; the decoder lets nothing write `r10`.
    pub(crate) fn set(&mut self, reg: Reg, value: Value) {
        if let Some(register) = self.registers.get_mut(reg.index()) {
            *register = value;
        }
    }

    pub(crate) fn frame(&self, index: usize) -> Option<&Frame> {
        self.calls.get(index).map(|call| &*call.frame)
    }

    pub(crate) fn frame_mut(&mut self, index: usize) -> Option<&mut Frame> {
        self.calls
            .get_mut(index)
            .map(|call| Rc::make_mut(&mut call.frame))
    }

    /// Bytes that are known to lie between the packet pointer with this identity and the packet's
    /// end.
    pub(crate) fn checked(&self, id: Id) -> Option<i64> {
        self.checked
            .iter()
            .find_map(|(other, bytes)| (*other == id).then_some(*bytes))
    }

    /// The same, as it follows from sums of that pointer and a number: what is checked behind the
    /// sum, and at least as many bytes as the number has.
    pub(crate) fn checked_by_sums(&self, id: Id) -> Option<i64> {
        let sums = self.sums.iter().filter(|((pointer, _), _)| *pointer == id);
        sums.filter_map(|((_, number), sum)| {
            Some(self.least(*number)?.saturating_add(self.checked(*sum)?))
        })
        .max()
    }

    /// The least that the number with this identity can be, if it is still somewhere.
    fn least(&self, id: Id) -> Option<i64> {
        let cells = self.calls.iter().flat_map(|call| call.frame.cells());
        let stored = cells.map(|cell| &cell.value);
        let mut values = self.registers.iter().chain(stored);
        values.find_map(|value| match value {
            Value::Number(scalar) if scalar.id == id => Some(*scalar.number.signed().start()),
            Value::Number(scalar) => {
                let sum = scalar.origin.sum().filter(|sum| sum.of == id)?;
                let constant = Number::constant(sum.constant.cast_unsigned());
                let number = Number::alu(AluOp::Sub, Width::W64, scalar.number, constant);
                Some(*number.signed().start())
            }
            _ => None,
        })
    }

    /// Learns that `bytes` bytes from `base + variable` of this identity on are in the packet.
    pub(crate) fn learn_checked(&mut self, id: Id, variable: &Number, bytes: i64) {
        let from_start = variable.signed().start().saturating_add(bytes);
        let longest = i64::try_from(MAX_PACKET_SIZE).unwrap_or(i64::MAX);
        self.oversize |= from_start > longest;
        self.raise_checked(id, bytes);
        self.raise_checked(Id::NONE, from_start);
    }

    /// Learns that a distance to the packet's end is at least `least`.
    pub(crate) fn learn_room(&mut self, room: Room, least: i64) {
        let bytes = room.fixed.saturating_add(least);
        if room.id == Id::NONE {
            self.learn_checked(room.id, &Number::constant(0), bytes);
        } else {
            self.raise_checked(room.id, bytes);
        }
    }

    fn raise_checked(&mut self, id: Id, bytes: i64) {
        match self.checked.iter_mut().find(|(other, _)| *other == id) {
            Some((_, known)) => *known = (*known).max(bytes),
            None => {
                if self.checked.len() >= MAX_CHECKED {
                    // The packet's start comes first and stays.
                    self.checked.remove(1);
                }
                self.checked.push((id, bytes));
            }
        }
    }

    /// The identity that a sum of a packet pointer and a number got, if it is remembered.
    pub(crate) fn sum(&self, operands: (Id, Id)) -> Option<Id> {
        self.sums
            .iter()
            .find_map(|(other, sum)| (*other == operands).then_some(*sum))
    }

    pub(crate) fn remember_sum(&mut self, operands: (Id, Id), sum: Id) {
        if self.sums.len() >= MAX_SUMS {
            self.sums.remove(0);
        }
        self.sums.push((operands, sum));
    }

    /// Applies `change` to every value that `concerns` says it is about: in registers, saved
    /// registers and frames.
    pub(crate) fn update(
        &mut self,
        concerns: impl Fn(&Value) -> bool,
        change: impl Fn(&mut Value),
    ) {
        for value in self.registers.iter_mut().filter(|value| concerns(value)) {
            change(value);
        }
        for call in &mut self.calls {
            for value in call.saved.iter_mut().filter(|value| concerns(value)) {
                change(value);
            }
            if planted(Mistake::StackForgotten) {
                continue;
            }
            // A frame is only copied when there is something to change in it.
            if call.frame.cells().iter().any(|cell| concerns(&cell.value)) {
                let cells = Rc::make_mut(&mut call.frame).cells_mut().iter_mut();
                for cell in cells.filter(|cell| concerns(&cell.value)) {
                    change(&mut cell.value);
                }
            }
        }
    }

    /// A call at `slot` may have moved the packet: no pointer into it and no distance in it is
    /// valid any more.
    pub(crate) fn forget_packet(&mut self, slot: u32) {
        if planted(Mistake::StalePointerKept) {
            return;
        }
        let concerns = |value: &Value| match value {
            Value::Pointer(pointer) => pointer.is_packet(),
            Value::Number(scalar) => scalar.origin.is_about_packet(),
            Value::Unset(_) => false,
        };
        self.update(concerns, |value| match value {
            Value::Number(scalar) => scalar.origin = Origin::Any,
            _ => *value = Value::Unset(Unset::Stale { slot }),
        });
        self.checked.clear();
        self.checked.push((Id::NONE, 0));
        self.sums.clear();
    }

    /// The map value with this identity is known not to be null.
    pub(crate) fn set_not_null(&mut self, id: Id) {
        self.update(
            |value| is_object(value, id),
            |value| {
                if let Value::Pointer(Pointer {
                    base: Base::MapValue { maybe_null, .. },
                    ..
                }) = value
                {
                    *maybe_null = false;
                }
            },
        );
    }

    /// The map value with this identity is known to be null: the number 0.
    pub(crate) fn set_null(&mut self, id: Id) {
        self.update(
            |value| is_object(value, id),
            |value| *value = Value::constant(0),
        );
    }

    /// The number with this identity is known to be in `number`.
    pub(crate) fn set_number(&mut self, id: Id, number: Number) {
        self.update(
            |value| matches!(value, Value::Number(scalar) if scalar.id == id),
            |value| {
                if let Value::Number(scalar) = value {
                    scalar.number = number;
                }
            },
        );
    }

    /// The frame with this index is gone: no pointer into it is valid.
    pub(crate) fn forget_frame(&mut self, frame: usize) {
        self.update(
            |value| {
                matches!(value, Value::Pointer(Pointer { base: Base::Stack(index), .. })
                    if *index >= frame)
            },
            |value| *value = Value::Unset(Unset::DeadFrame),
        );
    }

    /// Whether both hold the same values, as far as identities do not matter.
    pub(crate) fn looks_like(&self, other: &Self) -> bool {
        let alike = |a: &Value, b: &Value| match (a, b) {
            (Value::Number(a), Value::Number(b)) => a.number == b.number,
            (Value::Pointer(a), Value::Pointer(b)) => {
                (a.base, a.fixed, a.variable) == (b.base, b.fixed, b.variable)
            }
            (a, b) => a == b,
        };
        let all_alike =
            |a: &[Value], b: &[Value]| a.iter().zip(b).all(|(value, other)| alike(value, other));
        let calls = self.calls.iter().zip(&other.calls);
        self.checked(Id::NONE) == other.checked(Id::NONE)
            && all_alike(&self.registers, &other.registers)
            && calls
                .into_iter()
                .all(|(a, b)| all_alike(&a.saved, &b.saved) && a.frame.looks_like(&b.frame, alike))
    }

    /// Whether the same bytes of all frames are initialised in both.
    pub(crate) fn has_written(&self, other: &Self) -> bool {
        let mut calls = self.calls.iter().zip(&other.calls);
        calls.all(|(a, b)| Rc::ptr_eq(&a.frame, &b.frame) || a.frame.has_written(&b.frame))
    }

    /// Values that are stored on the stack.
    pub(crate) fn stored(&self) -> u64 {
        let cells = self.calls.iter().fold(0_usize, |sum, call| {
            sum.saturating_add(call.frame.cells().len())
        });
        u64::try_from(cells).unwrap_or(u64::MAX)
    }

    /// Units of work that copying, joining or searching the state takes.
    pub(crate) fn weight(&self) -> u64 {
        self.stored().saturating_add(1)
    }
}

fn is_object(value: &Value, id: Id) -> bool {
    matches!(value, Value::Pointer(pointer)
        if pointer.id == id && matches!(pointer.base, Base::MapValue { maybe_null: true, .. }))
}

impl Scalar {
    /// The number without its history.
    pub(crate) const fn plain(number: Number) -> Self {
        Self {
            number,
            id: Id::NONE,
            origin: Origin::Any,
        }
    }
}
