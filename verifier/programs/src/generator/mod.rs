//! Random programs that are nearly safe: built of the patterns that compilers emit, with numbers
//! where mistakes live, and often with one mistake.

mod calls;
mod memory;
mod numbers;
mod packet;

use bpf_object::{DataSection, Function, Image, ImageParts, LineTable, MapDef, RawInsn};
use platform_click::{MapKind, ProgramKind};

use crate::mutation::mutate;
use crate::random::Random;

/// Bytes of a value of map 0, the hash, and of map 1, the array.
const VALUE_SIZES: [i16; 2] = [16, 64];

/// Bytes of each data section.
const DATA_SIZE: i16 = 16;

/// Registers that hold numbers; r6 is the context, r7 and r8 are packet and end, r9 is anything.
const NUMBERS: [u8; 6] = [0, 1, 2, 3, 4, 5];
const CONTEXT: u8 = 6;
const PACKET: u8 = 7;
const END: u8 = 8;
const ANY: u8 = 9;
const FRAME: u8 = 10;

/// Opcode bits of the sizes of 1, 2, 4 and 8 bytes.
const SIZES: [(u8, i16); 4] = [(0x10, 1), (0x08, 2), (0x00, 4), (0x18, 8)];

const CONDITIONS: [u8; 11] = [
    0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0,
];

/// A random program; none when a mistake made it undecodable.
#[must_use]
pub fn program(random: &mut Random) -> Option<Image> {
    let dangling = random.percent(8);
    let mut generator = Generator {
        random,
        code: Vec::new(),
        calls: Vec::new(),
        dangling,
    };
    generator.main();
    let mut functions = vec![function("main", 0)];
    if !generator.calls.is_empty() {
        functions.push(function("inner", generator.code.len()));
        generator.function();
    }
    let target = functions.last().map_or(0, |last| last.start);
    let mut code = generator.code;
    for slot in generator.calls {
        code[slot].imm = target as i32 - slot as i32 - 1;
    }
    if random.percent(40) {
        mutate(random, &mut code);
    }
    Image::new(parts(code, functions)).ok()
}

/// Computations on numbers, on the stack and on what atomic operations change, with branches forward;
/// an exit at the end and none before it.
pub(crate) fn numbers_only(random: &mut Random) -> ImageParts {
    let mut generator = Generator {
        random,
        code: Vec::new(),
        calls: Vec::new(),
        dangling: false,
    };
    generator.start();
    for _ in 0..1 + generator.random.below(6) {
        let condition = generator.random.percent(50).then(|| generator.condition());
        for _ in 0..1 + generator.random.below(5) {
            match generator.random.below(8) {
                0..=4 => generator.arithmetic(),
                5 | 6 => generator.stack_number(),
                _ => generator.atomic(),
            }
        }
        if let Some(condition) = condition {
            generator.land(condition);
        }
    }
    generator.push(0x95, 0, 0, 0, 0);
    let code = generator.code;
    parts(code, vec![function("main", 0)])
}

fn parts(code: Vec<RawInsn>, functions: Vec<Function>) -> ImageParts {
    ImageParts {
        kind: ProgramKind::Rewriter,
        code,
        functions,
        maps: vec![
            map("hash", MapKind::Hash, VALUE_SIZES[0]),
            map("array", MapKind::Array, VALUE_SIZES[1]),
        ],
        data: vec![data(".rodata", false), data(".data", true)],
        lines: LineTable::default(),
    }
}

fn function(name: &str, start: usize) -> Function {
    Function {
        name: name.into(),
        start: start as u32,
    }
}

fn map(name: &str, kind: MapKind, value_size: i16) -> MapDef {
    MapDef {
        name: name.into(),
        kind,
        key_size: 4,
        value_size: value_size as u32,
        max_entries: 4,
    }
}

fn data(name: &str, writable: bool) -> DataSection {
    DataSection {
        name: name.into(),
        bytes: (0..DATA_SIZE as u8).collect(),
        writable,
    }
}

pub(crate) struct Generator<'r> {
    random: &'r mut Random,
    code: Vec<RawInsn>,
    /// Slots of calls of the inner function.
    calls: Vec<usize>,
    /// Whether the inner function hands out a pointer to its frame, and its caller uses it.
    dangling: bool,
}

impl Generator<'_> {
    pub(crate) fn push(&mut self, opcode: u8, dst: u8, src: u8, off: i16, imm: i32) -> usize {
        self.code.push(RawInsn {
            opcode,
            dst,
            src,
            off,
            imm,
        });
        self.code.len() - 1
    }

    pub(crate) fn mov(&mut self, dst: u8, src: u8) {
        self.push(0xbf, dst, src, 0, 0);
    }

    pub(crate) fn set(&mut self, dst: u8, imm: i32) {
        self.push(0xb7, dst, 0, 0, imm);
    }

    pub(crate) fn add(&mut self, dst: u8, imm: i32) {
        self.push(0x07, dst, 0, 0, imm);
    }

    pub(crate) fn load_wide(&mut self, dst: u8, kind: u8, low: u32, high: u32) {
        self.push(0x18, dst, kind, 0, low as i32);
        self.push(0, 0, 0, 0, high as i32);
    }

    /// Lets the branch in `slot` lead behind the last instruction.
    pub(crate) fn land(&mut self, slot: usize) {
        self.code[slot].off = (self.code.len() - slot - 1) as i16;
    }

    pub(crate) fn number(&mut self) -> u8 {
        self.random.pick(&NUMBERS)
    }

    pub(crate) fn main(&mut self) {
        self.start();
        let parts = 2 + self.random.below(7);
        for _ in 0..parts {
            self.part(0);
        }
        self.end();
    }

    /// What every program starts with.
    fn start(&mut self) {
        self.mov(CONTEXT, 1);
        self.packet_pointers();
        for off in [-8, -16, -24, -32, -40] {
            let imm = self.random.immediate();
            self.push(0x7a, FRAME, 0, off, imm);
        }
        for reg in NUMBERS {
            self.fresh_number(reg);
        }
        self.set(ANY, 0);
    }

    pub(crate) fn end(&mut self) {
        if self.random.percent(20) {
            let source = self.number();
            self.mov(0, source);
        }
        match self.random.below(4) {
            0 => self.set(0, 1),
            1 => {
                self.push(0x57, 0, 0, 0, 1);
            }
            2 => {
                self.push(0x77, 0, 0, 0, 63);
            }
            _ => {
                let branch = self.push(0x25, 0, 0, 0, 1);
                self.push(0x95, 0, 0, 0, 0);
                self.land(branch);
                self.set(0, 0);
            }
        }
        self.push(0x95, 0, 0, 0, 0);
    }

    pub(crate) fn part(&mut self, nesting: u32) {
        match self.random.below(22) {
            0..=5 => self.arithmetic(),
            6..=7 => self.stack(),
            8..=9 => self.packet_fixed(),
            10..=11 => self.packet_variable(),
            12 => match self.random.below(4) {
                0 => self.packet_length(),
                1 => self.positions_meet(),
                2 => self.packet_large(),
                _ => self.copies_meet(),
            },
            13 => self.map_value(),
            14 => self.two_map_values(),
            15 => self.helper(),
            16 => self.data(),
            17 => self.atomic(),
            18 => self.call(),
            19 if nesting < 2 => self.counted_loop(nesting),
            _ if nesting < 3 => self.branch(nesting),
            _ => self.arithmetic(),
        }
    }

    /// `for (r9 = 0; r9 < n; r9++)` on the stack, since the body may use every register.
    pub(crate) fn counted_loop(&mut self, nesting: u32) {
        let counter = -80 - 8 * nesting as i16;
        let limit = 1 + self.random.below(6) as i32;
        self.push(0x7a, FRAME, 0, counter, 0);
        let head = self.code.len();
        self.part(nesting + 2);
        self.push(0x79, ANY, FRAME, counter, 0);
        self.add(ANY, 1);
        self.push(0x7b, FRAME, ANY, counter, 0);
        let opcode = self.random.pick(&[0xa5, 0x55, 0xa6, 0x56, 0xc5]);
        let branch = self.push(opcode, ANY, 0, 0, limit);
        self.code[branch].off = (head as i64 - branch as i64 - 1) as i16;
    }

    pub(crate) fn branch(&mut self, nesting: u32) {
        let branch = self.condition();
        for _ in 0..=self.random.below(3) {
            self.part(nesting + 1);
        }
        if self.random.percent(40) {
            let over = self.push(0x05, 0, 0, 0, 0);
            self.land(branch);
            self.part(nesting + 1);
            self.land(over);
        } else {
            self.land(branch);
        }
    }

    /// A branch on numbers, whose target is still open.
    fn condition(&mut self) -> usize {
        let condition = self.random.pick(&CONDITIONS);
        let class = self.random.pick(&[5, 6]);
        let dst = self.number();
        if self.random.percent(50) {
            let src = self.number();
            self.push(condition | class | 8, dst, src, 0, 0)
        } else {
            let imm = self.random.immediate();
            self.push(condition | class, dst, 0, 0, imm)
        }
    }
}
