//! Where an access goes, and the proof that it stays within one object.

use core::ops::Range;

use bpf_object::{Reg, Size};
use platform_click::limits::STACK_FRAME_SIZE;
use platform_click::{Access, ContextField};

use crate::finding::Cause;
use crate::machine::Machine;
use crate::mistake::{Mistake, planted};
use crate::state::State;
use crate::value::{Base, Id, Pointer};

/// Where an access goes, after its bounds are proved.
pub(crate) enum Place {
    /// Bytes of a frame; at `range` exactly, or somewhere in it.
    Stack {
        frame: usize,
        range: Range<usize>,
        exact: bool,
    },
    /// One field of the context, or a part of it.
    Context(&'static ContextField),
    /// The packet.
    Packet,
    /// A value of a map.
    MapValue,
    /// Data; with the offset, when it is known.
    Data { section: u32, at: Option<usize> },
}

/// A place in memory as an instruction names it.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) base: Reg,
    pub(crate) off: i16,
}

/// Bytes from the start of the object that an access may touch: `least..end`.
#[derive(Clone, Copy)]
struct Span {
    least: i64,
    end: i64,
}

impl Machine<'_> {
    pub(crate) fn access(
        &mut self,
        state: &State,
        target: Target,
        size: Size,
    ) -> Result<Place, Cause> {
        let bytes = i64::try_from(size.bytes()).unwrap_or(i64::MAX);
        self.locate(state, target, bytes)
    }

    /// Proves that an access of `size` bytes stays within one object.
    pub(crate) fn locate(
        &mut self,
        state: &State,
        target: Target,
        size: i64,
    ) -> Result<Place, Cause> {
        let pointer = self.pointer(state, target.base)?;
        let (least, greatest) = pointer.offsets();
        let off = i64::from(target.off);
        let span = Span {
            least: least.saturating_add(off),
            end: greatest.saturating_add(off).saturating_add(size),
        };
        let exact = least == greatest;
        match pointer.base {
            Base::Stack(frame) => {
                let range = stack_range(span)?;
                self.facts.stack_use(state, frame, span.least);
                Ok(Place::Stack {
                    frame,
                    range,
                    exact,
                })
            }
            Base::Context => {
                context_field(self.platform.context(), span, exact).map(Place::Context)
            }
            Base::Packet => {
                check_packet(state, &pointer, span, off.saturating_add(size))?;
                Ok(Place::Packet)
            }
            Base::PacketEnd => Err(Cause::NoMemory { what: "`data_end`" }),
            Base::Map(_) => Err(Cause::NoMemory { what: "a map" }),
            Base::MapValue {
                map,
                maybe_null: true,
                lookup,
            } if !planted(Mistake::NullTestIgnored) => Err(Cause::MaybeNull {
                reg: target.base,
                map: self.map_name(map),
                lookup,
            }),
            Base::MapValue { map, .. } => {
                let size = self.map(map).map_or(0, |map| i64::from(map.value_size));
                let size = size.saturating_add(planted(Mistake::ValueOffByOne).into());
                let map = || self.map_name(map);
                let Span { least, end } = span;
                check_within(span, size, || Cause::MapValue {
                    map: map(),
                    least,
                    end,
                    size,
                })?;
                Ok(Place::MapValue)
            }
            Base::Data(section) => self.locate_data(section, span, exact),
        }
    }

    fn locate_data(&self, section: u32, span: Span, exact: bool) -> Result<Place, Cause> {
        let data = self.data(section);
        let size = data.map_or(0, |data| i64::try_from(data.bytes.len()).unwrap_or(0));
        let Span { least, end } = span;
        check_within(span, size, || Cause::Data {
            section: data.map_or_else(Default::default, |data| data.name.clone()),
            least,
            end,
            size,
        })?;
        let at = usize::try_from(least).ok().filter(|_| exact);
        Ok(Place::Data { section, at })
    }
}

fn check_within(span: Span, size: i64, cause: impl FnOnce() -> Cause) -> Result<(), Cause> {
    if span.least >= 0 && span.end <= size {
        Ok(())
    } else {
        Err(cause())
    }
}

/// Bytes of a frame, numbered from its lowest. The frames lie 512 bytes apart: what is above this
/// one's 512 bytes belongs to the caller, what is below to a callee.
fn stack_range(span: Span) -> Result<Range<usize>, Cause> {
    let size = i64::try_from(STACK_FRAME_SIZE).unwrap_or(i64::MAX);
    let byte = |offset: i64| usize::try_from(offset.saturating_add(size)).ok();
    match (byte(span.least), byte(span.end)) {
        (Some(start), Some(end)) if end <= STACK_FRAME_SIZE => Ok(start..end),
        (Some(start), Some(_)) if planted(Mistake::FramesOverlap) => Ok(start..STACK_FRAME_SIZE),
        _ => Err(Cause::Stack {
            least: span.least,
            end: span.end,
        }),
    }
}

/// The offset from the frame pointer of a byte that is numbered from the lowest.
pub(crate) fn from_frame_pointer(byte: usize) -> i64 {
    let offset = |byte| i64::try_from(byte).unwrap_or(i64::MAX);
    offset(byte).saturating_sub(offset(STACK_FRAME_SIZE))
}

/// A number may be loaded in parts, as clang does for a cast; a pointer only whole.
fn context_field(
    fields: &'static [ContextField],
    span: Span,
    exact: bool,
) -> Result<&'static ContextField, Cause> {
    let Span { least, end } = span;
    let field = fields.iter().find(|field| {
        let start = i64::try_from(field.offset).unwrap_or(i64::MAX);
        let field_end = start.saturating_add(i64::try_from(field.size).unwrap_or(i64::MAX));
        let whole = start == least && field_end == end;
        let part = start <= least && end <= field_end;
        let is_pointer = matches!(field.access, Access::PacketStart | Access::PacketEnd);
        whole || part && !is_pointer
    });
    field
        .filter(|_| exact)
        .ok_or(Cause::ContextField { least, end })
}

/// An access from `p` on up to `end_in_pointer` bytes behind `p.base + p.variable + p.fixed`: not
/// before the packet, and no further than what was compared with `data_end`: from this pointer's own
/// position, from the packet's start, or from a position that this pointer and a number made.
fn check_packet(
    state: &State,
    pointer: &Pointer,
    span: Span,
    end_in_pointer: i64,
) -> Result<(), Cause> {
    let from_start = state.checked(Id::NONE).unwrap_or(0);
    let end_from_position = pointer.fixed.saturating_add(end_in_pointer);
    let end_from_position =
        end_from_position.saturating_sub(planted(Mistake::PacketOffByOne).into());
    let from_position = state.checked(pointer.id);
    let reaches = |checked: Option<i64>| checked.is_some_and(|bytes| end_from_position <= bytes);
    let within = reaches(from_position)
        || span.end <= from_start
        || reaches(state.checked_by_sums(pointer.id));
    if span.least >= 0 && within {
        return Ok(());
    }
    if span.least < 0 || pointer.id == Id::NONE {
        return Err(Cause::Packet {
            least: span.least,
            end: span.end,
            checked: from_start,
        });
    }
    Err(Cause::PacketVariable {
        bytes: end_from_position,
        checked: from_position.unwrap_or(0),
    })
}
