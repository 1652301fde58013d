//! Linking: from a program's entry to an image.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use platform_click::limits;

use super::data::Data;
use super::reference::Reference;
use super::{Function, Object, Program};
use crate::image::{self, Image, ImageError, ImageParts};
use crate::insn::RawInsn;
use crate::lines::{Line, LineTable};

/// The source fields of wide loads, as [`crate::Insn::decode_all`] reads them.
const SRC_MAP: u8 = 1;
const SRC_DATA: u8 = 2;

pub(super) fn link(object: &Object, program: &Program) -> Result<Image, ImageError> {
    let layout = Layout::of(object, program.entry);
    let mut linker = Linker::default();
    for (function, start) in layout.functions(object) {
        linker.append(function, start, &layout);
    }
    Image::new(ImageParts {
        kind: program.kind,
        functions: layout
            .functions(object)
            .map(|(function, start)| image::Function {
                name: function.name.clone(),
                start,
            })
            .collect(),
        maps: linker
            .maps
            .order
            .iter()
            .filter_map(|index| Some(object.maps.get(*index)?.def.clone()))
            .collect(),
        data: load_data(object, &linker.data.order)?,
        code: linker.code,
        lines: LineTable::with_gaps(linker.lines),
    })
}

/// Where each function comes to lie: the entry first, then what it reaches, breadth-first in the
/// order of the call instructions.
struct Layout {
    /// Indices of functions, in their order in the image.
    order: Vec<usize>,
    /// First slot in the image, by index of the function.
    starts: BTreeMap<usize, u32>,
}

impl Layout {
    /// Each function is visited once; together they are not longer than the file.
    fn of(object: &Object, entry: usize) -> Self {
        let mut layout = Self {
            order: Vec::from([entry]),
            starts: BTreeMap::from([(entry, 0)]),
        };
        let mut next = 0;
        while let Some(function) = layout
            .order
            .get(next)
            .and_then(|index| object.functions.get(*index))
        {
            next = next.saturating_add(1);
            for (_, reference) in &function.references {
                if let Reference::Function(callee) = *reference
                    && layout.starts.insert(callee, 0).is_none()
                {
                    layout.order.push(callee);
                }
            }
        }
        layout.place(object);
        layout
    }

    fn place(&mut self, object: &Object) {
        let mut start = 0_u32;
        for index in &self.order {
            self.starts.insert(*index, start);
            let len = object
                .functions
                .get(*index)
                .map_or(0, |function| function.slots.len());
            start = start.saturating_add(u32::try_from(len).unwrap_or(u32::MAX));
        }
    }

    /// The functions and their first slots, in order.
    fn functions<'o>(&self, object: &'o Object) -> impl Iterator<Item = (&'o Function, u32)> {
        self.order
            .iter()
            .filter_map(|index| Some((object.functions.get(*index)?, *self.starts.get(index)?)))
    }
}

/// Numbers that are given in the order of first use.
#[derive(Default)]
struct Numbering {
    order: Vec<usize>,
    numbers: BTreeMap<usize, u32>,
}

impl Numbering {
    fn number(&mut self, index: usize) -> u32 {
        let next = u32::try_from(self.order.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(index).or_insert_with(|| {
            self.order.push(index);
            next
        })
    }
}

#[derive(Default)]
struct Linker {
    code: Vec<RawInsn>,
    maps: Numbering,
    data: Numbering,
    lines: Vec<(u32, Option<Line>)>,
}

impl Linker {
    /// Appends a function at `start`, its references re-expressed as an image has them.
    fn append(&mut self, function: &Function, start: u32, layout: &Layout) {
        let base = self.code.len();
        self.code.extend_from_slice(&function.slots);
        for (slot, reference) in &function.references {
            let at = base.saturating_add(*slot);
            match *reference {
                Reference::Map(index) => {
                    let number = self.maps.number(index);
                    self.set_wide(at, SRC_MAP, number, 0);
                }
                Reference::Data { index, offset } => {
                    let number = self.data.number(index);
                    self.set_wide(at, SRC_DATA, number, offset);
                }
                Reference::Function(index) => {
                    let target = layout.starts.get(&index).copied().unwrap_or_default();
                    let next = u32::try_from(at).unwrap_or(u32::MAX).saturating_add(1);
                    if let Some(insn) = self.code.get_mut(at) {
                        insn.imm = target.wrapping_sub(next).cast_signed();
                    }
                }
            }
        }
        // What comes before is another function's.
        self.lines.push((start, None));
        let lines = function.lines.iter().cloned();
        self.lines
            .extend(lines.map(|(slot, line)| (start.saturating_add(slot), Some(line))));
    }

    fn set_wide(&mut self, at: usize, src: u8, low: u32, high: u32) {
        if let Some([first, second]) = self.code.get_mut(at..at.saturating_add(2)) {
            first.src = src;
            first.imm = low.cast_signed();
            second.imm = high.cast_signed();
        }
    }
}

/// The data sections, once their sizes together are known to be within the limit: a `.bss` of many
/// gigabytes is refused before it is allocated.
fn load_data(object: &Object, order: &[usize]) -> Result<Vec<image::DataSection>, ImageError> {
    let sections = || order.iter().filter_map(|index| object.data.get(*index));
    let total = sections().fold(0_u64, |total, data| total.saturating_add(data.size));
    let total = usize::try_from(total).unwrap_or(usize::MAX);
    if total > limits::MAX_DATA {
        return Err(ImageError::DataSize(total));
    }
    Ok(sections().map(Data::load).collect())
}
