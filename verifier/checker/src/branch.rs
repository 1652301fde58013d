//! Conditional jumps (RFC 9669, 4.3): which sides are possible, and what each side knows.

use alloc::boxed::Box;

use bpf_object::{AluOp, Cond, Operand, Reg, Width};

use crate::compare::{is_equality, negated};
use crate::finding::Cause;
use crate::machine::Machine;
use crate::mistake::{Mistake, planted};
use crate::number::Number;
use crate::state::State;
use crate::value::{Base, Id, MAX_OFFSET, Origin, Pointer, Scalar, Value};
use platform_click::limits::STACK_FRAME_SIZE;

/// A conditional jump.
#[derive(Clone, Copy)]
pub(crate) struct Branch {
    pub(crate) width: Width,
    pub(crate) cond: Cond,
    pub(crate) dst: Reg,
    pub(crate) src: Operand,
}

/// The states in which a jump is taken and not taken; none where that is impossible.
pub(crate) struct Sides {
    pub(crate) taken: Option<Box<State>>,
    pub(crate) not_taken: Option<Box<State>>,
}

impl Machine<'_> {
    /// The states behind a conditional jump.
    pub(crate) fn branch(&mut self, state: Box<State>, branch: Branch) -> Result<Sides, Cause> {
        let left = self.value(&state, branch.dst)?;
        let right = self.operand(&state, branch.src)?;
        let test = Test::new(branch, &left, &right)?;
        Ok(Sides {
            taken: test.assume(state.clone(), branch, true),
            not_taken: test.assume(state, branch, false),
        })
    }
}

/// What is compared.
enum Test {
    /// Two numbers.
    Numbers(Scalar, Scalar),
    /// A value of a map with null; whether the jump is taken when it is null.
    Null(Id, bool),
    /// A pointer into the packet, on the left, with the packet's end.
    PacketEnd(Pointer, Cond),
    /// Two pointers into one object, by their offsets.
    Offsets(Number, Number),
    /// Pointers of which nothing is learned.
    Nothing,
}

impl Test {
    fn new(branch: Branch, left: &Value, right: &Value) -> Result<Self, Cause> {
        let Branch {
            width, cond, dst, ..
        } = branch;
        let equality = matches!(cond, Cond::Eq | Cond::Ne);
        let refused = |what| Err(Cause::Comparison { reg: dst, what });
        let (pointer, other) = match (left, right) {
            (Value::Number(a), Value::Number(b)) => return Ok(Self::Numbers(*a, *b)),
            (Value::Pointer(pointer), other) | (other, Value::Pointer(pointer)) => (pointer, other),
            // Reading registers lets nothing else through.
            _ => return refused("a value that is not set"),
        };
        if width == Width::W32 || cond == Cond::Set {
            return refused("pointers have 64-bit comparisons by order and equality only");
        }
        match other {
            Value::Number(number) if number.number.as_constant() == Some(0) && equality => {
                Ok(if pointer.is_maybe_null() {
                    Self::Null(pointer.id, cond == Cond::Eq)
                } else {
                    Self::Nothing
                })
            }
            Value::Pointer(_) => match (left, right) {
                (Value::Pointer(a), Value::Pointer(b)) => Self::pointers(cond, a, b),
                _ => None,
            }
            .map_or_else(|| refused("with a pointer into something else"), Ok),
            _ => refused("a pointer with a number"),
        }
    }

    /// Two pointers into one object.
    fn pointers(cond: Cond, a: &Pointer, b: &Pointer) -> Option<Self> {
        Some(match (a.base, b.base) {
            (Base::Packet, Base::PacketEnd) => Self::PacketEnd(*a, cond),
            (Base::PacketEnd, Base::Packet) => Self::PacketEnd(*b, mirrored(cond)),
            (Base::PacketEnd, Base::PacketEnd) | (Base::Packet, Base::Packet) if a.id != b.id => {
                Self::Nothing
            }
            (Base::Packet, Base::Packet) => Self::offsets(a, b, 0),
            (Base::Stack(x), Base::Stack(y)) if x == y => {
                let size = i64::try_from(STACK_FRAME_SIZE).unwrap_or(i64::MAX);
                Self::offsets(a, b, size.wrapping_neg())
            }
            (Base::Data(x), Base::Data(y)) if x == y => Self::offsets(a, b, 0),
            (
                Base::MapValue {
                    map,
                    maybe_null: false,
                    ..
                },
                Base::MapValue {
                    map: other,
                    maybe_null: false,
                    ..
                },
            ) if map == other => {
                if a.id == b.id {
                    Self::offsets(a, b, 0)
                } else {
                    Self::Nothing
                }
            }
            (Base::PacketEnd, Base::PacketEnd) | (Base::Context, Base::Context) => Self::Nothing,
            _ => return None,
        })
    }

    /// Addresses are ordered like offsets when neither wraps around: when none is below the object,
    /// which starts at offset `start`; none is so far above it that it could.
    fn offsets(a: &Pointer, b: &Pointer, start: i64) -> Self {
        let inside = |pointer: &Pointer| pointer.offsets().0 >= start;
        if !(inside(a) && inside(b)) {
            return Self::Nothing;
        }
        // Moved up, so that they are ordered as unsigned numbers too.
        let total = |pointer: &Pointer| {
            let fixed = pointer.fixed.saturating_add(MAX_OFFSET).cast_unsigned();
            Number::alu(
                AluOp::Add,
                Width::W64,
                pointer.variable,
                Number::constant(fixed),
            )
        };
        Self::Offsets(total(a), total(b))
    }

    /// The state in which the comparison has this outcome.
    fn assume(&self, mut state: Box<State>, branch: Branch, holds: bool) -> Option<Box<State>> {
        match self {
            Self::Numbers(a, b) => assume_numbers(&mut state, branch, holds, a, b)?,
            Self::Null(id, null_when_taken) => {
                if (*null_when_taken == holds) != planted(Mistake::NullTestReversed) {
                    state.set_null(*id);
                } else {
                    state.set_not_null(*id);
                }
            }
            Self::PacketEnd(pointer, cond) => assume_packet_end(&mut state, pointer, *cond, holds),
            Self::Offsets(a, b) => {
                Number::assume(branch.cond, holds, branch.width, *a, *b)?;
            }
            Self::Nothing => {}
        }
        Some(state)
    }
}

/// Refines both operands and all their copies.
fn assume_numbers(
    state: &mut State,
    branch: Branch,
    holds: bool,
    a: &Scalar,
    b: &Scalar,
) -> Option<()> {
    if a.id != Id::NONE && a.id == b.id && a.number == b.number {
        // One value compared with itself; which outcome that has does not matter much.
        return Some(());
    }
    let (number_a, number_b) =
        Number::assume(branch.cond, holds, branch.width, a.number, b.number)?;
    let left = Some(branch.dst);
    let right = match branch.src {
        Operand::Reg(reg) => Some(reg),
        Operand::Imm(_) => None,
    };
    for (reg, scalar, number) in [(left, a, number_a), (right, b, number_b)] {
        let Some(reg) = reg else { continue };
        state.set(reg, Value::Number(Scalar { number, ..*scalar }));
        state.learn_number(scalar, number);
        if let Origin::Room(room) = scalar.origin {
            state.learn_room(room, *number.signed().start());
        }
    }
    if is_equality(branch.cond, holds) && branch.width == Width::W64 && a.id != b.id {
        share_identity(state, a, b);
    }
    Some(())
}

/// Equal numbers are one value from here on.
fn share_identity(state: &mut State, a: &Scalar, b: &Scalar) {
    if a.id == Id::NONE || b.id == Id::NONE {
        return;
    }
    let (from, to) = (b.id, a.id);
    state.update(
        |value| matches!(value, Value::Number(scalar) if scalar.id == from),
        |value| {
            if let Value::Number(scalar) = value {
                scalar.id = to;
            }
        },
    );
}

/// `pointer cond data_end` has this outcome. An address below 0 would wrap around and compare as a
/// great one, so nothing is concluded from a pointer being behind the end; no address wraps around
/// above. A packet that would have to be longer than any packet does not make a side impossible.
fn assume_packet_end(state: &mut State, pointer: &Pointer, cond: Cond, holds: bool) {
    let effective = if holds { Some(cond) } else { negated(cond) };
    let bytes = match effective {
        Some(Cond::Le | Cond::Eq) => pointer.fixed,
        Some(Cond::Lt) => pointer.fixed.saturating_add(1),
        // At most the end and not the end.
        Some(Cond::Ne) if state.checked(pointer.id) == Some(pointer.fixed) => {
            pointer.fixed.saturating_add(1)
        }
        _ => return,
    };
    state.learn_checked(pointer.id, &pointer.variable, bytes);
}

/// The comparison with its operands exchanged.
const fn mirrored(cond: Cond) -> Cond {
    match cond {
        Cond::Gt => Cond::Lt,
        Cond::Ge => Cond::Le,
        Cond::Lt => Cond::Gt,
        Cond::Le => Cond::Ge,
        Cond::SGt => Cond::SLt,
        Cond::SGe => Cond::SLe,
        Cond::SLt => Cond::SGt,
        Cond::SLe => Cond::SGe,
        Cond::Eq | Cond::Ne | Cond::Set => cond,
    }
}
