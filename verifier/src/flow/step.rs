//! What one instruction does to a state.

use bpf_object::{
    AluOp, AtomicOp, Cond, DataSection, Image, Insn, Operand, Reg, Size, Wide, Width,
};
use platform_click::{Access, ArgKind, CONTEXT, HelperId, HelperSpec, ReturnKind};

use super::state::{StackPlace, State};
use super::value::{Flat, Kinds, Value};

/// Applies an instruction that neither jumps nor calls a function of the program.
pub(super) fn apply(image: &Image, slot: u32, insn: Insn, state: &mut State) {
    match insn {
        Insn::Alu {
            width,
            op,
            dst,
            src,
        } => {
            let result = arithmetic(width, op, state.get(dst), operand(state, src));
            state.set(dst, result);
        }
        Insn::MovSx { dst, .. } | Insn::Neg { dst, .. } | Insn::Swap { dst, .. } => {
            state.set(dst, Value::any_number());
        }
        Insn::Wide { dst, value } => state.set(dst, wide(image, value)),
        Insn::Load {
            size,
            dst,
            base,
            off,
            ..
        } => {
            let value = load(state, slot, state.get(base), off, size);
            state.set(dst, value);
        }
        Insn::Store {
            size,
            base,
            off,
            src,
        } => {
            let base = state.get(base);
            let value = operand(state, src);
            if base.kinds.has(Kinds::STACK) {
                state.store(stack_place(base, off, size), value);
            }
        }
        Insn::Atomic {
            size,
            op,
            base,
            off,
            src,
        } => atomic(state, size, op, state.get(base), off, src),
        Insn::CallHelper { id } => helper(image, state, slot, id),
        Insn::WideTail
        | Insn::Jump { .. }
        | Insn::Branch { .. }
        | Insn::CallLocal { .. }
        | Insn::Exit => {}
    }
}

pub(crate) fn operand(state: &State, operand: Operand) -> Value {
    match operand {
        Operand::Reg(register) => state.get(register),
        Operand::Imm(number) => Value::constant(number.into()),
    }
}

fn arithmetic(width: Width, op: AluOp, left: Value, right: Value) -> Value {
    match (width, op) {
        (Width::W64, AluOp::Mov) => right,
        (Width::W64, AluOp::Add) => left.add(right, false),
        (Width::W64, AluOp::Sub) => left.add(right, true),
        // A 32-bit move of a small constant is how compilers set one.
        (Width::W32, AluOp::Mov) => match right.number {
            Flat::One(number) if number >= 0 => Value::constant(number),
            _ => Value::any_number(),
        },
        _ => Value::any_number(),
    }
}

fn wide(image: &Image, value: Wide) -> Value {
    match value {
        Wide::Number(number) => Value::constant(number.cast_signed()),
        Wide::Map(index) => Value {
            region: Flat::One(index),
            ..Value::of(Kinds::MAP)
        },
        Wide::Data { section, .. } => {
            let index = usize::try_from(section).ok();
            let data = index.and_then(|index| image.data().get(index));
            let writable = data.is_some_and(|data: &DataSection| data.writable);
            Value {
                region: Flat::One(section),
                ..Value::of(if writable {
                    Kinds::DATA
                } else {
                    Kinds::READ_ONLY
                })
            }
        }
    }
}

/// The memory of the stack that an access through `base` reaches, if it is one of the stack. Where
/// `base` may be something else as well, nothing is certain.
pub(crate) fn stack_place(base: Value, off: i16, size: Size) -> StackPlace {
    StackPlace {
        frame: base.frame,
        offset: match base.offset {
            Flat::One(offset) if base.kinds == Kinds::STACK => {
                Flat::One(offset.wrapping_add(off.into()))
            }
            _ => Flat::Many,
        },
        size: size_in_bytes(size),
    }
}

pub(crate) fn size_in_bytes(size: Size) -> i64 {
    match size {
        Size::B1 => 1,
        Size::B2 => 2,
        Size::B4 => 4,
        Size::B8 => 8,
    }
}

fn load(state: &State, slot: u32, base: Value, off: i16, size: Size) -> Value {
    let mut loaded = Value::default();
    if base.kinds.has(Kinds::STACK) {
        loaded = loaded.join(state.load(stack_place(base, off, size)));
    }
    if base.kinds.has(Kinds::CONTEXT) {
        loaded = loaded.join(load_context(slot, base, off, size));
    }
    let others = base.kinds.without(Kinds::STACK).without(Kinds::CONTEXT);
    if others != Kinds::default() || base.kinds == Kinds::default() {
        // Packets, maps and data hold no addresses: the engine refuses to store one there.
        loaded = loaded.join(Value::any_number());
    }
    loaded
}

/// A field of the context: a packet pointer, a part of one, or a number.
fn load_context(slot: u32, base: Value, off: i16, size: Size) -> Value {
    let pointer = |kinds| Value {
        made: Flat::One(slot),
        ..Value::of(kinds)
    };
    let Flat::One(start) = base.offset else {
        return pointer(Kinds::PACKET.or(Kinds::FRAGMENT)).join(Value::any_number());
    };
    let start = start.wrapping_add(off.into());
    let end = start.wrapping_add(size_in_bytes(size));
    for field in CONTEXT {
        let is_pointer = matches!(field.access, Access::PacketStart | Access::PacketEnd);
        let field_start = i64::try_from(field.offset).unwrap_or(i64::MAX);
        let field_end = field_start.saturating_add(i64::try_from(field.size).unwrap_or(0));
        if is_pointer && (start, end) == (field_start, field_end) {
            return pointer(Kinds::PACKET);
        }
        if is_pointer && start < field_end && field_start < end {
            return pointer(Kinds::FRAGMENT);
        }
    }
    Value::any_number()
}

fn atomic(state: &mut State, size: Size, op: AtomicOp, base: Value, off: i16, src: Reg) {
    let place = stack_place(base, off, size);
    let mut old = Value::any_number();
    if base.kinds.has(Kinds::STACK) {
        old = old.join(state.overlapping(place));
        state.store(place, old.join(state.get(src)));
    }
    match op {
        AtomicOp::CompareExchange => state.set(Reg::R0, old),
        AtomicOp::Exchange
        | AtomicOp::Add { fetch: true }
        | AtomicOp::Or { fetch: true }
        | AtomicOp::And { fetch: true }
        | AtomicOp::Xor { fetch: true } => state.set(src, old),
        _ => {}
    }
}

fn helper(image: &Image, state: &mut State, slot: u32, id: u32) {
    let map = state.get(Reg::R1).region;
    let spec = HelperId::from_number(id).map(HelperId::spec);
    if let Some(spec) = spec {
        overwrite(image, state, map, &spec);
    }
    state.lose_arguments(slot);
    if spec.is_some_and(|spec| spec.reallocates_packet) {
        state.update(|value| value.after_move(slot));
    }
    let result = match spec.map(|spec| spec.ret) {
        Some(ReturnKind::MapValueOrNull) => {
            // What an earlier execution of this call returned is another value from now on.
            state.update(|value| forget_identity(value, slot));
            Value {
                made: Flat::One(slot),
                region: map,
                ..Value::of(Kinds::NULLABLE)
            }
        }
        Some(ReturnKind::Integer) | None => Value::any_number(),
    };
    state.set(Reg::R0, result);
}

/// Memory that a helper writes holds numbers.
fn overwrite(image: &Image, state: &mut State, map: Flat<u32>, spec: &HelperSpec) {
    let registers = [Reg::R1, Reg::R2, Reg::R3, Reg::R4, Reg::R5];
    let mut arguments = spec.args.iter().zip(registers);
    let output = arguments.find(|(arg, _)| arg.kind == ArgKind::MapValueOut);
    let base = output.map_or_else(Value::default, |(_, register)| state.get(register));
    if !base.kinds.has(Kinds::STACK) {
        return;
    }
    let known = map.one().and_then(|index| usize::try_from(index).ok());
    let place = StackPlace {
        frame: base.frame,
        // As for a store, nothing is certain where it may be something else as well.
        offset: match base.offset {
            Flat::One(offset) if base.kinds == Kinds::STACK => Flat::One(offset),
            _ => Flat::Many,
        },
        size: known
            .and_then(|index| image.maps().get(index))
            .map_or(0, |map| map.value_size.into()),
    };
    state.store(place, Value::any_number());
}

fn forget_identity(value: Value, slot: u32) -> Value {
    if value.kinds.has(Kinds::NULLABLE) && value.made == Flat::One(slot) {
        Value {
            made: Flat::Many,
            ..value
        }
    } else {
        value
    }
}

/// What a branch shows when it is taken, or not.
pub(super) fn refine(insn: Insn, taken: bool, state: &mut State) {
    let Insn::Branch {
        width: Width::W64,
        cond,
        dst,
        src,
        ..
    } = insn
    else {
        return;
    };
    let right = operand(state, src);
    if right.kinds != Kinds::NUMBER || right.number != Flat::One(0) {
        return;
    }
    let is_null = match (cond, taken) {
        (Cond::Eq, taken) => taken,
        (Cond::Ne | Cond::Gt, taken) => !taken,
        _ => return,
    };
    let tested = state.get(dst);
    if !tested.kinds.has(Kinds::NULLABLE) {
        return;
    }
    if let Flat::One(lookup) = tested.made {
        state.update(|value| match value.made {
            Flat::One(made) if made == lookup => value.after_test(is_null),
            _ => value,
        });
    } else {
        state.set(dst, tested.after_test(is_null));
    }
}
