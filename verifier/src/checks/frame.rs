//! Accesses to the stack: each stays within one frame.

use bpf_object::{Insn, MapDef, Reg};
use platform_click::limits::STACK_FRAME_SIZE;
use platform_click::{ArgKind, Code, HelperId, MapUse};

use super::{Checks, Site, map_name};
use crate::codes;
use crate::finding::Report;
use crate::flow::{Flat, Kinds};

/// Bytes of a frame.
const FRAME: i64 = {
    #[expect(clippy::as_conversions, reason = "512; `TryFrom` is not const")]
    let size = STACK_FRAME_SIZE as i64;
    size
};

/// An access to the stack at an offset that is not a constant, where the engine would accept more
/// than the one frame that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StackAccess {
    /// The slots of the calls that lead to it.
    pub(crate) calls: Vec<u32>,
    /// The instruction.
    pub(crate) slot: u32,
    /// The pointer.
    pub(crate) register: u8,
    /// Added to the pointer.
    pub(crate) off: i16,
    /// In bytes.
    pub(crate) size: AccessSize,
    /// The frame to which it belongs, from 0 for the entry function's; `None` if there are several.
    pub(crate) frame: Option<usize>,
}

/// How much is accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum AccessSize {
    /// So many bytes.
    Bytes(i64),
    /// As many bytes as the register says.
    Register(u8),
}

impl Checks<'_> {
    /// The memory that a helper reads or writes lies in its frame; what it writes is no constant, and
    /// what may be null is tested.
    pub(super) fn helper_memory(&mut self, site: &Site<'_>, id: u32) {
        let Some(spec) = HelperId::from_number(id).map(HelperId::spec) else {
            return;
        };
        let registers = [Reg::R1, Reg::R2, Reg::R3, Reg::R4, Reg::R5];
        let mut map = Flat::None;
        let mut arguments = spec.args.iter().zip(registers).peekable();
        while let Some((argument, register)) = arguments.next() {
            let value = site.state.get(register);
            let size = match argument.kind {
                ArgKind::Map | ArgKind::Queue | ArgKind::RingBuffer => {
                    map = value.region;
                    if value.kinds == Kinds::MAP {
                        self.map_use(site, spec.name, map, argument.kind);
                    }
                    continue;
                }
                ArgKind::MapKey => AccessSize::Bytes(self.largest(map, |map| map.key_size)),
                ArgKind::MapValue => AccessSize::Bytes(self.largest(map, |map| map.value_size)),
                ArgKind::MapValueOut => {
                    self.read_only(site, register);
                    self.output(site, map);
                    AccessSize::Bytes(self.largest(map, |map| map.value_size))
                }
                ArgKind::ReadableMemory | ArgKind::OptionalMemory => match arguments.peek() {
                    Some((_, size)) => match site.state.get(*size).number {
                        Flat::One(bytes) => AccessSize::Bytes(bytes),
                        Flat::None | Flat::Many => AccessSize::Register(size.number()),
                    },
                    None => continue,
                },
                ArgKind::Printed => {
                    self.printed(site, register);
                    continue;
                }
                ArgKind::MemorySize | ArgKind::MemorySizeOrZero | ArgKind::Scalar => continue,
            };
            if argument.kind == ArgKind::OptionalMemory {
                self.optional(site, register);
            }
            self.access(site, register, 0, size);
        }
    }

    /// The helper takes maps of this kind. The engine says so, too, after it has looked at keys and
    /// values that such a map does not have.
    fn map_use(&mut self, site: &Site<'_>, helper: &str, map: Flat<u32>, argument: ArgKind) {
        let index = map.one().and_then(|index| usize::try_from(index).ok());
        let Some(map) = index.and_then(|index| self.image.maps().get(index)) else {
            return;
        };
        let expected = match argument.map_use() {
            Some(usage) if usage == map.kind.usage() => return,
            Some(MapUse::Queue) => "a queue or stack",
            Some(MapUse::Ring) => "a ring buffer",
            _ => "a map with keys",
        };
        self.report(Report::new(
            codes::ARGUMENT,
            site.slot,
            format!(
                "`{helper}` takes {expected}, and `{}` is a {}",
                map.name, map.kind
            ),
        ));
    }

    /// The engine takes a value that may be null where a helper takes null, whatever its size.
    fn optional(&mut self, site: &Site<'_>, register: Reg) {
        let value = site.state.get(register);
        if value.kinds.has(Kinds::NULLABLE) {
            let map = map_name(self.image, value.region);
            let cause = format!("a helper reads the result of a lookup{map} that may be null");
            let mut report = Report::new(codes::NULL_VALUE, site.slot, cause);
            if let Flat::One(lookup) = value.made {
                report = report.with(lookup, "this lookup returns null when the key is absent");
            }
            self.report(report);
        }
    }

    /// Numbers are printed, and no addresses.
    fn printed(&mut self, site: &Site<'_>, register: Reg) {
        let addresses = site.state.get(register).kinds.addresses();
        if addresses != Kinds::default() {
            let held = addresses.names().join(" or ");
            self.report(Report::new(
                codes::POINTER_LEAK,
                site.slot,
                format!("r{} may hold {held}, which this prints", register.number()),
            ));
        }
    }

    /// The engine needs the size of what a helper writes: every call that leads here writes as much.
    fn output(&mut self, site: &Site<'_>, map: Flat<u32>) {
        let index = map.one().and_then(|index| usize::try_from(index).ok());
        let size = index.and_then(|index| self.image.maps().get(index));
        let size = size.map_or(Flat::Many, |map| Flat::One(map.value_size));
        let known = self.outputs.entry(site.slot).or_default();
        *known = known.join(size);
        if *known == Flat::Many {
            self.report(Report::new(
                codes::ARGUMENT,
                site.slot,
                "it depends on the path which map this is, and so how many bytes are written",
            ));
        }
    }

    /// The size of the map, or of the largest one when it is not known which it is.
    fn largest(&self, map: Flat<u32>, size: impl Fn(&MapDef) -> u32) -> i64 {
        let maps = self.image.maps();
        let known = map.one().and_then(|index| usize::try_from(index).ok());
        let bytes = match known.and_then(|index| maps.get(index)) {
            Some(map) => size(map),
            None => maps.iter().map(size).max().unwrap_or(0),
        };
        bytes.into()
    }

    /// An access through `base` that may reach the stack.
    pub(super) fn access(&mut self, site: &Site<'_>, base: Reg, off: i16, size: AccessSize) {
        let value = site.state.get(base);
        if !value.kinds.has(Kinds::STACK) {
            return;
        }
        let offset = match value.offset {
            Flat::One(offset) => offset.checked_add(off.into()),
            Flat::None | Flat::Many => None,
        };
        match (value.frame, offset, size) {
            (Flat::One(frame), Some(offset), AccessSize::Bytes(size)) => {
                self.constant_access(site, frame, offset, size);
            }
            (frame, _, size) => {
                let frame = frame.one();
                self.count_use(site, frame, FRAME);
                // For loads and stores, the engine's own limits are those of the entry function's
                // frame as long as no other is active. For what helpers read, it has none.
                let is_helper = matches!(site.insn, Insn::CallHelper { .. });
                if site.state.depth() > 0 || frame.is_none() || is_helper {
                    self.accesses.insert(StackAccess {
                        calls: site.flow.calls(site.chain),
                        slot: site.slot,
                        register: base.number(),
                        off,
                        size,
                        frame,
                    });
                }
            }
        }
    }

    /// An access at a constant offset: within the 512 bytes below the frame pointer, of a frame that
    /// is still there.
    fn constant_access(&mut self, site: &Site<'_>, frame: usize, offset: i64, size: i64) {
        let end = offset.saturating_add(size);
        if frame > site.state.depth() {
            self.report(Report::new(
                codes::FRAME,
                site.slot,
                "this reaches into the stack frame of a function that has returned",
            ));
        } else if end > 0 {
            self.report(outside(
                codes::FRAME,
                site.slot,
                offset,
                size,
                "at or above the frame pointer",
            ));
        } else if offset < FRAME.wrapping_neg() {
            self.report(outside(
                codes::STACK_BOUNDS,
                site.slot,
                offset,
                size,
                "below the 512 bytes of a frame",
            ));
        } else {
            self.count_use(site, Some(frame), offset.wrapping_neg());
        }
    }

    /// Counts `bytes` below the frame pointer as used.
    fn count_use(&mut self, site: &Site<'_>, frame: Option<usize>, bytes: i64) {
        let bytes = u32::try_from(bytes).unwrap_or(0);
        let functions = site.flow.functions(site.chain);
        let of_frame = frame.and_then(|frame| functions.get(frame));
        let all = if of_frame.is_none() {
            functions.as_slice()
        } else {
            &[]
        };
        for function in of_frame.into_iter().chain(all) {
            if let Some(used) = self.frame_use.get_mut(*function) {
                *used = bytes.max(*used);
            }
        }
    }
}

fn outside(code: Code, slot: u32, offset: i64, size: i64, place: &str) -> Report {
    let bytes = if size == 1 {
        "1 byte".into()
    } else {
        format!("{size} bytes")
    };
    Report::new(
        code,
        slot,
        format!("{bytes} at offset {offset} from the frame pointer lie {place}"),
    )
}
