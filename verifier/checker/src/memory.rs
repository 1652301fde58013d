//! Loads, stores and atomic operations (RFC 9669, 5), and the memory arguments of helpers.

use alloc::vec::Vec;
use core::ops::Range;

use bpf_object::{AluOp, AtomicOp, Image, Operand, Reg, Size, Width};
use platform_click::Access;

use crate::finding::Cause;
use crate::frame::Unreadable;
use crate::machine::Machine;
use crate::mistake::{Mistake, planted};
use crate::number::{Number, size_bits};
use crate::place::{Place, Target, from_frame_pointer};
use crate::state::State;
use crate::tnum::ones;
use crate::value::{Base, Id, Scalar, Value};

impl Machine<'_> {
    /// `dst = *(size *)(base + off)`.
    pub(crate) fn load(
        &mut self,
        state: &State,
        target: Target,
        size: Size,
        signed: bool,
    ) -> Result<Value, Cause> {
        let place = self.access(state, target, size)?;
        let loaded = match place {
            Place::Stack {
                frame,
                range,
                exact,
            } => read_stack(state, frame, &range, exact, size)?,
            Place::Context(field) => match field.access {
                Access::PacketStart => return Ok(Value::pointer(Base::Packet, 0)),
                Access::PacketEnd => return Ok(Value::pointer(Base::PacketEnd, 0)),
                Access::Read | Access::ReadWrite => Value::number(Number::loaded(size, false)),
            },
            Place::Data {
                section,
                at: Some(at),
            } => Value::number(constant_data(self.image, section, at, size)),
            Place::Packet | Place::MapValue | Place::Data { .. } => {
                Value::number(Number::loaded(size, false))
            }
        };
        Ok(match loaded {
            Value::Number(scalar) if signed && !planted(Mistake::SignDropped) => {
                let number = scalar.number.sign_extend(size_bits(size), Width::W64);
                self.numbered(number)
            }
            Value::Number(scalar) if scalar.id == Id::NONE => self.numbered(scalar.number),
            other => other,
        })
    }

    /// `*(size *)(base + off) = src`.
    pub(crate) fn store(
        &mut self,
        state: &mut State,
        target: Target,
        size: Size,
        src: Operand,
    ) -> Result<(), Cause> {
        let value = self.operand(state, src)?;
        let place = self.access(state, target, size)?;
        if let (Value::Pointer(_), Operand::Reg(reg)) = (value, src) {
            return spill(state, &place, size, reg, value);
        }
        match &place {
            Place::Context(field) => {
                if field.access != Access::ReadWrite || field.size != size.bytes() {
                    return Err(Cause::ContextWrite { field: field.name });
                }
            }
            Place::Data { section, .. } => self.check_writable(*section)?,
            Place::Stack { .. } | Place::Packet | Place::MapValue => {}
        }
        if let (Place::Stack { .. }, Value::Number(scalar)) = (&place, value) {
            write_stack(state, place, size, cut(scalar, size));
        }
        Ok(())
    }

    /// Atomic read-modify-write (RFC 9669, 5.3). The new value is not tracked.
    pub(crate) fn atomic(
        &mut self,
        state: &mut State,
        target: Target,
        size: Size,
        op: AtomicOp,
        src: Reg,
    ) -> Result<(), Cause> {
        self.number(state, src)?;
        if op == AtomicOp::CompareExchange {
            self.number(state, Reg::R0)?;
        }
        let place = self.access(state, target, size)?;
        match &place {
            Place::Packet => {
                return Err(Cause::AtomicPlace {
                    place: "the packet",
                });
            }
            Place::Context(_) => {
                return Err(Cause::AtomicPlace {
                    place: "the context",
                });
            }
            Place::Data { section, .. } => self.check_writable(*section)?,
            Place::Stack { .. } | Place::MapValue => {}
        }
        self.check_aligned(state, target, size)?;
        let mut old = Value::number(Number::loaded(size, false));
        if let Place::Stack {
            frame,
            range,
            exact,
        } = &place
        {
            old = read_stack(state, *frame, range, *exact, size)?;
            if !old.is_number() {
                let offset = from_frame_pointer(range.start);
                return Err(Cause::StackPointerPart { offset });
            }
            let new = Scalar::plain(Number::loaded(size, false));
            write_stack(state, place, size, new);
        }
        let fetched_into = match op {
            AtomicOp::Add { fetch }
            | AtomicOp::Or { fetch }
            | AtomicOp::And { fetch }
            | AtomicOp::Xor { fetch } => fetch.then_some(src),
            AtomicOp::Exchange => Some(src),
            AtomicOp::CompareExchange => Some(Reg::R0),
        };
        if let (Some(reg), Value::Number(old)) = (fetched_into, old) {
            let value = self.numbered(old.number);
            state.set(reg, value);
        }
        Ok(())
    }

    /// Natural alignment, relative to an object that is itself aligned to 8 bytes. RFC 9669 does not
    /// ask for it; without it an operation that crosses a cache line is slow or not atomic.
    fn check_aligned(&self, state: &State, target: Target, size: Size) -> Result<(), Cause> {
        let pointer = self.pointer(state, target.base)?;
        let fixed = pointer.fixed.wrapping_add(i64::from(target.off));
        let fixed = Number::constant(fixed.cast_unsigned());
        let offset = Number::alu(AluOp::Add, Width::W64, pointer.variable, fixed);
        let size = size.bytes();
        let below = ones(size.trailing_zeros());
        let (known, unknown) = offset.bits();
        if (known | unknown) & below == 0 {
            Ok(())
        } else {
            Err(Cause::AtomicAlignment { size })
        }
    }

    /// Proves that `size` bytes behind a pointer, an argument of a helper, are initialised memory
    /// without pointers in it.
    pub(crate) fn check_readable(
        &mut self,
        state: &State,
        base: Reg,
        size: u64,
    ) -> Result<(), Cause> {
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        let target = Target { base, off: 0 };
        match self.locate(state, target, size)? {
            Place::Stack { frame, range, .. } => check_stack_readable(state, frame, &range),
            Place::Context(_) => Err(Cause::NoMemory {
                what: "the context, as an argument,",
            }),
            Place::Packet | Place::MapValue | Place::Data { .. } => Ok(()),
        }
    }

    /// A helper writes at least `least` and at most `most` bytes behind a pointer.
    pub(crate) fn fill(
        &mut self,
        state: &mut State,
        base: Reg,
        (least, most): (i64, u64),
    ) -> Result<(), Cause> {
        let size = i64::try_from(most).unwrap_or(i64::MAX);
        match self.locate(state, Target { base, off: 0 }, size)? {
            Place::Stack {
                frame,
                range,
                exact,
            } => {
                let certain = usize::try_from(least).unwrap_or(0);
                let certain = if exact { certain } else { 0 };
                if let Some(frame) = state.frame_mut(frame) {
                    frame.fill(&range, certain);
                }
                Ok(())
            }
            Place::Data { section, .. } => self.check_writable(section),
            Place::Packet | Place::MapValue => Ok(()),
            Place::Context(_) => Err(Cause::NoMemory {
                what: "the context, as an argument,",
            }),
        }
    }

    /// The `size` bytes behind a pointer, as far as all up to the first zero are known: constants on
    /// the stack, or read-only data. `None` if one is not.
    pub(crate) fn known_text(&mut self, state: &State, base: Reg, size: usize) -> Option<Vec<u8>> {
        let bytes = i64::try_from(size).ok()?;
        let target = Target { base, off: 0 };
        let place = self.locate(state, target, bytes).ok()?;
        let byte = |number: usize| {
            let value = match &place {
                Place::Stack {
                    frame,
                    range,
                    exact: true,
                } => {
                    let start = range.start.checked_add(number)?;
                    match state.frame(*frame)?.read(start, Size::B1).ok()? {
                        Value::Number(scalar) => scalar.number,
                        _ => return None,
                    }
                }
                Place::Data {
                    section,
                    at: Some(at),
                } => constant_data(self.image, *section, at.checked_add(number)?, Size::B1),
                _ => return None,
            };
            u8::try_from(value.as_constant()?).ok()
        };
        let mut text = Vec::new();
        for number in 0..size {
            let byte = byte(number)?;
            text.push(byte);
            if byte == 0 {
                break;
            }
        }
        Some(text)
    }

    fn check_writable(&self, section: u32) -> Result<(), Cause> {
        match self.data(section) {
            Some(data) if !data.writable => Err(Cause::ReadOnly {
                section: data.name.clone(),
            }),
            _ => Ok(()),
        }
    }
}

fn read_stack(
    state: &State,
    frame: usize,
    range: &Range<usize>,
    exact: bool,
    size: Size,
) -> Result<Value, Cause> {
    if !exact {
        check_stack_readable(state, frame, range)?;
        return Ok(Value::number(Number::loaded(size, false)));
    }
    let Some(frame) = state.frame(frame) else {
        return Err(unreadable(Unreadable::Uninitialised(range.start)));
    };
    match frame.read(range.start, size).map_err(unreadable)? {
        Value::Unset(why) => Err(Cause::StackUnset {
            offset: from_frame_pointer(range.start),
            why,
        }),
        value => Ok(value),
    }
}

fn check_stack_readable(state: &State, frame: usize, range: &Range<usize>) -> Result<(), Cause> {
    match state.frame(frame) {
        Some(frame) => frame.check_readable(range).map_err(unreadable),
        None => Err(unreadable(Unreadable::Uninitialised(range.start))),
    }
}

fn unreadable(why: Unreadable) -> Cause {
    match why {
        Unreadable::Uninitialised(byte) => Cause::StackUninitialised {
            offset: from_frame_pointer(byte),
        },
        Unreadable::PartOfPointer(byte) => Cause::StackPointerPart {
            offset: from_frame_pointer(byte),
        },
    }
}

fn write_stack(state: &mut State, place: Place, size: Size, scalar: Scalar) {
    let Place::Stack {
        frame,
        range,
        exact,
    } = place
    else {
        return;
    };
    if let Some(frame) = state.frame_mut(frame) {
        if exact {
            frame.write(range.start, size, Value::Number(scalar));
        } else {
            frame.write_somewhere(&range);
        }
    }
}

/// A pointer goes to the stack, whole and aligned, or nowhere.
fn spill(
    state: &mut State,
    place: &Place,
    size: Size,
    reg: Reg,
    value: Value,
) -> Result<(), Cause> {
    let elsewhere = |place| Err(Cause::Leak { reg, place });
    match place {
        Place::Stack {
            frame,
            range,
            exact,
        } => {
            if !*exact || size != Size::B8 || !range.start.is_multiple_of(Size::B8.bytes()) {
                return Err(Cause::Spill { reg });
            }
            if let Some(frame) = state.frame_mut(*frame) {
                frame.write(range.start, size, value);
            }
            Ok(())
        }
        Place::Context(_) => elsewhere("the context"),
        Place::Packet => elsewhere("the packet"),
        Place::MapValue => elsewhere("a map"),
        Place::Data { .. } => elsewhere("data"),
    }
}

/// What a store of this size keeps of a number; the same number, when that is all of it.
fn cut(scalar: Scalar, size: Size) -> Scalar {
    let bits = size_bits(size);
    if *scalar.number.unsigned().end() <= ones(bits) {
        scalar
    } else {
        Scalar::plain(scalar.number.extract(0, bits))
    }
}

/// The contents of read-only data are known.
fn constant_data(image: &Image, section: u32, at: usize, size: Size) -> Number {
    let index = usize::try_from(section).unwrap_or(usize::MAX);
    let bytes = image
        .data()
        .get(index)
        .filter(|data| !data.writable)
        .and_then(|data| data.bytes.get(at..at.checked_add(size.bytes())?));
    let Some(bytes) = bytes else {
        return Number::loaded(size, false);
    };
    let number = bytes.iter().rev().fold(0_u64, |number, byte| {
        number.wrapping_shl(8) | u64::from(*byte)
    });
    Number::constant(number)
}
