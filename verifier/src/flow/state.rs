//! What registers and stack frames hold at one place of a program.

use std::collections::BTreeMap;

use bpf_object::Reg;

use super::value::{Flat, Kinds, Value};

/// Bytes of a spilled register.
const SPILL: i64 = 8;

/// Registers and the frames of all active calls, the entry function's first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    registers: [Value; 11],
    frames: Vec<Frame>,
}

/// A stack frame. Only addresses are recorded; everything else in it counts as a number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Frame {
    /// The caller's r6 to r9.
    saved: [Value; 4],
    /// Spilled registers by the offset of their lowest byte from the frame pointer.
    spilled: BTreeMap<i64, Value>,
    /// What was stored at offsets that are not known: any slot may hold it too.
    anywhere: Value,
}

/// Memory of a stack frame that an instruction reaches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StackPlace {
    pub(crate) frame: Flat<usize>,
    /// Offset of the lowest byte from the frame pointer.
    pub(crate) offset: Flat<i64>,
    /// In bytes.
    pub(crate) size: i64,
}

impl State {
    /// When a program starts: r1 is the context.
    pub(crate) fn entry() -> Self {
        let mut registers = [Value::of(Kinds::UNSET); 11];
        for (register, value) in registers.iter_mut().zip(0..) {
            *register = match value {
                1 => Value {
                    offset: Flat::One(0),
                    ..Value::of(Kinds::CONTEXT)
                },
                10 => Value::frame_pointer(0),
                _ => Value::of(Kinds::UNSET),
            };
        }
        Self {
            registers,
            frames: vec![Frame::default()],
        }
    }

    /// Index of the current frame.
    pub(crate) fn depth(&self) -> usize {
        self.frames.len().saturating_sub(1)
    }

    pub(crate) fn get(&self, register: Reg) -> Value {
        let value = self.registers.get(register.index());
        value.copied().unwrap_or_default()
    }

    pub(crate) fn set(&mut self, register: Reg, value: Value) {
        if let Some(place) = self.registers.get_mut(register.index()) {
            *place = value;
        }
    }

    /// Joins another state of the same place. Says whether anything changed.
    pub(crate) fn join(&mut self, other: &Self) -> bool {
        let before = self.clone();
        for (mine, theirs) in self.registers.iter_mut().zip(&other.registers) {
            *mine = mine.join(*theirs);
        }
        for (mine, theirs) in self.frames.iter_mut().zip(&other.frames) {
            mine.join(theirs);
        }
        *self != before
    }

    /// Enters a function: a new frame, everything else as it is.
    pub(crate) fn enter(&mut self) {
        let saved = saved_registers().map(|register| self.get(register));
        self.frames.push(Frame {
            saved,
            ..Frame::default()
        });
        self.set(Reg::FP, Value::frame_pointer(self.depth()));
    }

    /// Leaves a function that was called in `slot`: the caller's r6 to r9 and frame pointer come
    /// back, r1 to r5 are lost.
    pub(crate) fn leave(&mut self, slot: u32) {
        if let Some(frame) = self.frames.pop() {
            for (register, value) in saved_registers().into_iter().zip(frame.saved) {
                self.set(register, value);
            }
        }
        self.set(Reg::FP, Value::frame_pointer(self.depth()));
        self.lose_arguments(slot);
    }

    /// r1 to r5 have no value after the call in `slot`.
    pub(crate) fn lose_arguments(&mut self, slot: u32) {
        let lost = Value {
            lost: Flat::One(slot),
            ..Value::of(Kinds::UNSET)
        };
        for register in [Reg::R1, Reg::R2, Reg::R3, Reg::R4, Reg::R5] {
            self.set(register, lost);
        }
    }

    /// Changes every value, wherever it is.
    pub(crate) fn update(&mut self, change: impl Fn(Value) -> Value) {
        for value in &mut self.registers {
            *value = change(*value);
        }
        for frame in &mut self.frames {
            for value in &mut frame.saved {
                *value = change(*value);
            }
            for value in frame.spilled.values_mut() {
                *value = change(*value);
            }
            frame.anywhere = change(frame.anywhere);
        }
    }

    /// What 8 bytes of stack hold; fewer bytes are a number.
    pub(crate) fn load(&self, place: StackPlace) -> Value {
        let mut loaded = Value::any_number();
        if place.size != SPILL {
            return loaded;
        }
        for frame in self.reached(place.frame) {
            loaded = loaded.join(frame.anywhere);
            match place.offset {
                Flat::One(offset) => match frame.spilled.get(&offset) {
                    Some(value) if frame.anywhere == Value::default() => return *value,
                    Some(value) => loaded = loaded.join(*value),
                    None => {}
                },
                Flat::None | Flat::Many => {
                    loaded = frame
                        .spilled
                        .values()
                        .fold(loaded, |all, value| all.join(*value));
                }
            }
        }
        loaded
    }

    /// Stores to the stack.
    pub(crate) fn store(&mut self, place: StackPlace, value: Value) {
        let keeps = place.size == SPILL && value.kinds.addresses() != Kinds::default();
        match (place.frame, place.offset) {
            (Flat::One(index), Flat::One(offset)) => {
                let Some(frame) = self.frames.get_mut(index) else {
                    return;
                };
                let end = offset.saturating_add(place.size);
                frame
                    .spilled
                    .retain(|start, _| *start >= end || start.saturating_add(SPILL) <= offset);
                if keeps {
                    frame.spilled.insert(offset, value);
                }
            }
            (frame, _) => {
                let reached = match frame {
                    Flat::One(index) => index..index.saturating_add(1),
                    Flat::None | Flat::Many => 0..self.frames.len(),
                };
                for frame in self.frames.get_mut(reached).unwrap_or_default() {
                    // Any slot may have been overwritten, in part or as a whole.
                    for spilled in frame.spilled.values_mut() {
                        *spilled = spilled.join(Value::any_number());
                    }
                    if keeps {
                        frame.anywhere = frame.anywhere.join(value);
                    }
                }
            }
        }
    }

    /// What any of the bytes of a place may be part of.
    pub(crate) fn overlapping(&self, place: StackPlace) -> Value {
        let mut found = Value::default();
        for frame in self.reached(place.frame) {
            found = found.join(frame.anywhere);
            for (start, value) in &frame.spilled {
                let apart = place.offset.one().is_some_and(|offset| {
                    *start >= offset.saturating_add(place.size)
                        || start.saturating_add(SPILL) <= offset
                });
                if !apart {
                    found = found.join(*value);
                }
            }
        }
        found
    }

    fn reached(&self, frame: Flat<usize>) -> &[Frame] {
        match frame {
            Flat::One(index) => {
                let end = index.saturating_add(1);
                self.frames.get(index..end).unwrap_or_default()
            }
            Flat::None | Flat::Many => &self.frames,
        }
    }
}

impl Frame {
    fn join(&mut self, other: &Self) {
        for (mine, theirs) in self.saved.iter_mut().zip(&other.saved) {
            *mine = mine.join(*theirs);
        }
        self.anywhere = self.anywhere.join(other.anywhere);
        // A slot that only one side knows holds a number on the other.
        for (offset, value) in &mut self.spilled {
            let theirs = other.spilled.get(offset).copied();
            *value = value.join(theirs.unwrap_or_else(Value::any_number));
        }
        for (offset, value) in &other.spilled {
            self.spilled
                .entry(*offset)
                .or_insert_with(|| value.join(Value::any_number()));
        }
    }
}

/// The registers that a call keeps.
fn saved_registers() -> [Reg; 4] {
    [Reg::R6, Reg::R7, Reg::R8, Reg::R9]
}
