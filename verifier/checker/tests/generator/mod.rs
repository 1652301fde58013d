//! Random programs that are nearly safe: built of the patterns that compilers emit, with numbers
//! where mistakes live, and often with one mistake.

use bpf_object::{DataSection, Function, Image, ImageParts, LineTable, MapDef, RawInsn};
use platform_click::{MapKind, ProgramKind};

/// xorshift64*: deterministic, so that a failure can be repeated.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }

    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }

    fn immediate(&mut self) -> i32 {
        match self.below(12) {
            0 => 0,
            1 => 1,
            2 => -1,
            3 => i32::MIN,
            4 => i32::MAX,
            5 => self.below(16) as i32,
            6 => -(self.below(300) as i32),
            7 => 0x80,
            8 => 0xff,
            9 => 0x8000,
            10 => self.next() as i32,
            _ => self.below(1000) as i32,
        }
    }

    fn wide(&mut self) -> u64 {
        match self.below(10) {
            0 => 1 << 63,
            1 => u64::MAX >> 1,
            2 => u64::MAX,
            3 => 1 << 32,
            4 => (1 << 32) - 1,
            5 => 1 << 31,
            6 => u64::MAX << 31,
            7 => self.next(),
            8 => u64::MAX << 32,
            _ => self.immediate() as i64 as u64,
        }
    }
}

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
pub(crate) fn program(random: &mut Random) -> Option<Image> {
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
    let parts = ImageParts {
        kind: ProgramKind::Rewriter,
        code,
        functions,
        maps: vec![
            map("hash", MapKind::Hash, VALUE_SIZES[0]),
            map("array", MapKind::Array, VALUE_SIZES[1]),
        ],
        data: vec![data(".rodata", false), data(".data", true)],
        lines: LineTable::default(),
    };
    Image::new(parts).ok()
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

/// Changes one field of one instruction a little, or drops the instruction.
fn mutate(random: &mut Random, code: &mut [RawInsn]) {
    let slot = random.below(code.len() as u64) as usize;
    let insn = &mut code[slot];
    match random.below(7) {
        0 => insn.imm = insn.imm.wrapping_add(random.pick(&[1, -1, 8, -8])),
        1 => insn.off = insn.off.wrapping_add(random.pick(&[1, -1, 2, -8])),
        2 => insn.dst = random.below(10) as u8,
        3 => insn.src = random.below(11) as u8,
        // Another operation, class, width or source of the operand.
        4 => insn.opcode ^= random.pick(&[0x01, 0x02, 0x03, 0x08, 0x10, 0x20, 0x40, 0x80]),
        5 => insn.imm = random.immediate(),
        _ => {
            *insn = RawInsn {
                opcode: 0xbf,
                dst: ANY,
                src: CONTEXT,
                ..RawInsn::default()
            };
        }
    }
}

struct Generator<'r> {
    random: &'r mut Random,
    code: Vec<RawInsn>,
    /// Slots of calls of the inner function.
    calls: Vec<usize>,
    /// Whether the inner function hands out a pointer to its frame, and its caller uses it.
    dangling: bool,
}

impl Generator<'_> {
    fn push(&mut self, opcode: u8, dst: u8, src: u8, off: i16, imm: i32) -> usize {
        self.code.push(RawInsn {
            opcode,
            dst,
            src,
            off,
            imm,
        });
        self.code.len() - 1
    }

    fn mov(&mut self, dst: u8, src: u8) {
        self.push(0xbf, dst, src, 0, 0);
    }

    fn set(&mut self, dst: u8, imm: i32) {
        self.push(0xb7, dst, 0, 0, imm);
    }

    fn add(&mut self, dst: u8, imm: i32) {
        self.push(0x07, dst, 0, 0, imm);
    }

    fn load_wide(&mut self, dst: u8, kind: u8, low: u32, high: u32) {
        self.push(0x18, dst, kind, 0, low as i32);
        self.push(0, 0, 0, 0, high as i32);
    }

    /// Lets the branch in `slot` lead behind the last instruction.
    fn land(&mut self, slot: usize) {
        self.code[slot].off = (self.code.len() - slot - 1) as i16;
    }

    fn number(&mut self) -> u8 {
        self.random.pick(&NUMBERS)
    }

    fn main(&mut self) {
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
        let parts = 2 + self.random.below(7);
        for _ in 0..parts {
            self.part(0);
        }
        self.end();
    }

    /// `inner(r1 = pointer to 16 bytes of the caller's stack, r2 = number)`.
    fn function(&mut self) {
        self.push(0x7a, FRAME, 0, -8, 3);
        self.mov(ANY, 1);
        let (size, bytes) = self.random.pick(&SIZES);
        let off = 16 - bytes + i16::from(self.random.percent(10));
        self.push(0x61 | size, 0, ANY, off, 0);
        self.push(0x63 | size, ANY, 2, 0, 0);
        self.push(0x57, 2, 0, 0, 7);
        self.push(0x0f, ANY, 2, 0, 0);
        self.push(0x72, ANY, 0, 0, 1);
        if self.random.percent(20) && !self.dangling {
            self.set(1, 0);
            self.set(2, 0);
            self.push(0x85, 0, 0, 0, 60);
        }
        if self.dangling {
            self.mov(0, FRAME);
            self.push(0x7b, 1, FRAME, 0, 0);
        } else if self.random.percent(30) {
            self.push(0x79, 0, FRAME, -8, 0);
        }
        self.push(0x95, 0, 0, 0, 0);
    }

    fn end(&mut self) {
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

    fn part(&mut self, nesting: u32) {
        match self.random.below(22) {
            0..=5 => self.arithmetic(),
            6..=7 => self.stack(),
            8..=9 => self.packet_fixed(),
            10..=11 => self.packet_variable(),
            12 => match self.random.below(3) {
                0 => self.packet_length(),
                1 => self.positions_meet(),
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

    fn fresh_number(&mut self, reg: u8) {
        match self.random.below(7) {
            0 => {
                let wide = self.random.wide();
                self.load_wide(reg, 0, wide as u32, (wide >> 32) as u32);
            }
            1 => {
                let imm = self.random.immediate();
                self.set(reg, imm);
            }
            2 => {
                let off = 16 + self.random.below(4) as i16;
                self.push(0x71, reg, CONTEXT, off, 0);
            }
            3 => {
                self.push(0x61, reg, CONTEXT, 16, 0);
            }
            4 => {
                let opcode = self.random.pick(&[0x91, 0x89, 0x81]);
                self.push(opcode, reg, CONTEXT, 20, 0);
            }
            _ => {
                let off = self.random.pick(&[24, 32]);
                self.push(0x79, reg, CONTEXT, off, 0);
            }
        }
    }

    fn packet_pointers(&mut self) {
        self.push(0x79, PACKET, CONTEXT, 0, 0);
        self.push(0x79, END, CONTEXT, 8, 0);
    }

    fn arithmetic(&mut self) {
        let (dst, src) = (self.number(), self.number());
        let class = self.random.pick(&[4, 7]);
        let bits = if class == 7 { 64 } else { 32 };
        match self.random.below(16) {
            0..=7 => {
                let op = self.random.pick(&[
                    0x00, 0x10, 0x20, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0x50, 0x70,
                ]);
                if self.random.percent(50) {
                    self.push(op | class | 8, dst, src, 0, 0);
                } else {
                    let imm = match op {
                        0x60 | 0x70 | 0xc0 => self.random.below(bits) as i32,
                        _ => self.random.immediate(),
                    };
                    self.push(op | class, dst, 0, 0, imm);
                }
            }
            8..=9 => {
                let op = self.random.pick(&[0x30, 0x90]);
                let signed = i16::from(self.random.percent(50));
                if self.random.percent(40) && src != dst {
                    if self.random.percent(80) {
                        self.push(0x47, src, 0, 0, 1);
                    }
                    self.push(op | class | 8, dst, src, signed, 0);
                } else {
                    let imm = self.random.immediate();
                    self.push(op | class, dst, 0, signed, if imm == 0 { 3 } else { imm });
                }
            }
            10..=11 => {
                let from = self.random.pick(&[8, 16, 32]);
                let from = if class == 4 { from.min(16) } else { from };
                self.push(0xb8 | class, dst, src, from, 0);
            }
            12 => {
                let (opcode, width) = (self.random.pick(&[0xd4, 0xdc, 0xd7]), [16, 32, 64]);
                let width = self.random.pick(&width);
                self.push(opcode, dst, 0, 0, width);
            }
            13 => {
                self.push(0x80 | class, dst, 0, 0, 0);
            }
            14 => {
                self.mov(dst, src);
                self.extend(dst);
                // What is learned about one of the two holds for the other, or not.
                let opcode = self.random.pick(&[0x25, 0x26, 0x15, 0xc5]);
                let imm = self.random.below(300) as i32;
                let skip = self.push(opcode, dst, 0, 0, imm);
                self.push(0x07, src, 0, 0, 1);
                self.land(skip);
            }
            _ => self.fresh_number(dst),
        }
    }

    /// Extends 32 bits in one of the ways that compilers do.
    fn extend(&mut self, reg: u8) {
        match self.random.below(5) {
            0 => {
                self.push(0xbc, reg, reg, 0, 0);
            }
            1 => {
                self.push(0xbf, reg, reg, 32, 0);
            }
            2 => {
                self.push(0x54, reg, 0, 0, -1);
            }
            _ => {
                let back = self.random.pick(&[0x77, 0xc7]);
                self.push(0x67, reg, 0, 0, 32);
                self.push(back, reg, 0, 0, 32);
            }
        }
    }

    fn stack(&mut self) {
        let reg = self.number();
        let (size, bytes) = self.random.pick(&SIZES);
        let place = self.random.below(40) as i16 - 40;
        let off = match self.random.percent(70) {
            true => place.div_euclid(bytes) * bytes,
            false => place.min(-bytes) + i16::from(self.random.percent(2)),
        };
        match self.random.below(8) {
            0..=1 => {
                self.push(0x61 | size, reg, FRAME, off, 0);
            }
            2 if bytes < 8 => {
                self.push(0x81 | size, reg, FRAME, off, 0);
            }
            3 => {
                let imm = self.random.immediate();
                self.push(0x62 | size, FRAME, 0, off, imm);
            }
            4 => {
                // A variable place.
                let start = self.random.pick(&[-40, -40, -40, -128]);
                self.mov(ANY, FRAME);
                self.add(ANY, start);
                self.push(0x57, reg, 0, 0, 31);
                self.push(0x0f, ANY, reg, 0, 0);
                if start == -128 {
                    // Bytes that are not initialised, but perhaps now.
                    self.push(0x62 | size, ANY, 0, 0, 1);
                    self.push(0x71, reg, FRAME, -128, 0);
                    self.add(reg, 1);
                } else if self.random.percent(50) {
                    self.push(0x62 | size, ANY, 0, 0, 1);
                } else {
                    self.push(0x61 | size, reg, ANY, 0, 0);
                }
            }
            5 => self.kept_pointer(reg),
            _ => {
                self.push(0x63 | size, FRAME, reg, off, 0);
                if self.random.percent(30) {
                    let again = self.number();
                    self.push(0x61 | size, again, FRAME, off, 0);
                }
            }
        }
    }

    /// A pointer is kept on the stack and taken up again.
    fn kept_pointer(&mut self, reg: u8) {
        let slot = -48 - 8 * self.random.below(2) as i16;
        let pointer = self.random.pick(&[CONTEXT, PACKET, FRAME]);
        self.mov(ANY, PACKET);
        self.add(ANY, 14);
        let branch = self.packet_branch();
        self.push(0x7b, FRAME, pointer, slot, 0);
        match self.random.below(8) {
            0..=1 => self.part(3),
            2 => self.add_space(),
            3 => self.call(),
            _ => {}
        }
        // Compared again, for the packet may have moved; the kept pointer is stale all the same.
        let again = self.random.percent(60).then(|| {
            self.mov(ANY, PACKET);
            self.add(ANY, 14);
            self.packet_branch()
        });
        self.push(0x79, ANY, FRAME, slot, 0);
        let off = match pointer {
            CONTEXT => 20,
            PACKET => 0,
            _ => -4,
        };
        self.push(0x61, reg, ANY, off, 0);
        if let Some(again) = again {
            self.land(again);
        }
        self.land(branch);
    }

    /// A branch that skips what follows when `pointer`, in r9, is not within the packet.
    fn packet_branch(&mut self) -> usize {
        let sound: [(u8, bool); 3] = [(0x2d, true), (0x3d, true), (0xad, false)];
        let (opcode, pointer_first) = self.random.pick(&sound);
        let (opcode, pointer_first) = match self.random.percent(3) {
            true => (self.random.pick(&[0xad, 0x1d, 0x5d, 0x6d]), true),
            false => (opcode, pointer_first),
        };
        match pointer_first {
            true => self.push(opcode, ANY, END, 0, 0),
            false => self.push(opcode, END, ANY, 0, 0),
        }
    }

    fn packet_fixed(&mut self) {
        let length = self.random.pick(&[1, 2, 14, 34, 54, 100]);
        self.mov(ANY, PACKET);
        self.add(ANY, length);
        let branch = self.packet_branch();
        for _ in 0..=self.random.below(3) {
            let (_, bytes) = self.random.pick(&SIZES);
            let last = length as i16 - bytes;
            let off = match self.random.below(20) {
                0 => last + 1,
                1..=8 => last,
                _ => self.random.below(last.max(1) as u64 + 1) as i16,
            };
            self.access(PACKET, off.max(0), bytes);
        }
        if self.random.percent(30) {
            self.part(2);
        }
        self.land(branch);
    }

    /// A load or store of `bytes` bytes.
    fn access(&mut self, base: u8, off: i16, bytes: i16) {
        let reg = self.number();
        let size = SIZES.iter().find(|(_, size)| *size == bytes).unwrap().0;
        match self.random.below(5) {
            0 => self.push(0x63 | size, base, reg, off, 0),
            1 => self.push(0x62 | size, base, 0, off, -1),
            2 if bytes < 8 => self.push(0x81 | size, reg, base, off, 0),
            _ => self.push(0x61 | size, reg, base, off, 0),
        };
    }

    fn packet_variable(&mut self) {
        let index = self.number();
        let mask = self.random.pick(&[1, 7, 15, 60, 0xff, 0xffff]);
        if self.random.percent(90) {
            self.push(0x57, index, 0, 0, mask);
        }
        let (_, bytes) = self.random.pick(&SIZES);
        self.mov(ANY, PACKET);
        self.push(0x0f, ANY, index, 0, 0);
        let off = self.random.below(20) as i16;
        let slack = self.random.pick(&[0, 0, 0, 0, 0, 0, 0, 0, 1, -1]);
        self.add(ANY, i32::from(off + bytes + slack));
        let branch = self.packet_branch();
        if self.random.percent(50) {
            // The same sum again.
            self.mov(ANY, PACKET);
            if self.random.percent(10) {
                self.add(index, 1);
            }
            self.push(0x0f, ANY, index, 0, 0);
            self.access(ANY, off, bytes);
        } else {
            self.access(ANY, -bytes - slack, bytes);
        }
        self.land(branch);
    }

    /// A header that is there or not: two positions meet behind it.
    fn positions_meet(&mut self) {
        let length = self.random.pick(&[18, 20, 34]);
        self.mov(ANY, PACKET);
        self.add(ANY, length);
        let branch = self.packet_branch();
        let (near, far) = (self.random.below(16) as i32, self.random.below(20) as i32);
        self.mov(ANY, PACKET);
        self.add(ANY, near);
        let reg = self.number();
        let join = self.push(0x15, reg, 0, 0, 7);
        self.add(ANY, far - near);
        self.land(join);
        let (_, bytes) = self.random.pick(&SIZES);
        let off = (length - near.max(far)) as i16 - bytes + i16::from(self.random.percent(8));
        self.access(ANY, off.max(-near.min(far) as i16), bytes);
        self.land(branch);
    }

    /// A number and a constant meet a copy of the number; then the number is compared.
    fn copies_meet(&mut self) {
        let (number, copy) = (self.number(), self.number());
        if number == copy {
            return;
        }
        let constant = self.random.below(4) as i32;
        let test = self.random.pick(&NUMBERS);
        let other = self.push(0x15, test, 0, 0, 0);
        let copy_first = self.random.percent(50);
        let skip = self.copy_or_constant(copy_first, number, copy, constant);
        let mut skips = Vec::from_iter(skip);
        let join = self.push(0x05, 0, 0, 0, 0);
        self.land(other);
        skips.extend(self.copy_or_constant(!copy_first, number, copy, constant));
        self.land(join);
        let limit = self.random.below(4) as i32;
        skips.push(self.push(0x55, number, 0, 0, limit));
        self.push(0x07, copy, 0, 0, 1);
        for skip in skips {
            self.land(skip);
        }
    }

    /// Gives `copy` the constant, or `number` where it is the constant; elsewhere the returned
    /// branch is taken.
    fn copy_or_constant(
        &mut self,
        as_copy: bool,
        number: u8,
        copy: u8,
        constant: i32,
    ) -> Option<usize> {
        if !as_copy {
            self.set(copy, constant);
            return None;
        }
        let skip = self.push(0x55, number, 0, 0, constant);
        self.mov(copy, number);
        Some(skip)
    }

    fn packet_length(&mut self) {
        let length = self.number();
        self.mov(length, END);
        let class = self.random.pick(&[0x1f, 0x1f, 0x1c]);
        self.push(class, length, PACKET, 0, 0);
        let least = self.random.pick(&[1, 14, 34]);
        let opcode = self.random.pick(&[0xa5, 0xa6, 0xc5]);
        let branch = self.push(opcode, length, 0, 0, least);
        let (_, bytes) = self.random.pick(&SIZES);
        let off = least as i16 - bytes + i16::from(self.random.percent(8));
        self.access(PACKET, off.max(0), bytes);
        self.land(branch);
    }

    /// Gives r1 to r5 numbers again after a call.
    fn renew_arguments(&mut self) {
        for reg in 1..=5 {
            if self.random.percent(97) {
                self.fresh_number(reg);
            }
        }
    }

    fn key(&mut self, map: u32) {
        let key = self.random.below(5) as i32;
        self.push(0x62, FRAME, 0, -68, key);
        self.load_wide(1, 1, map, 0);
        self.mov(2, FRAME);
        self.add(2, -68);
    }

    fn map_value(&mut self) {
        let map = self.random.below(2);
        let size = VALUE_SIZES[map as usize];
        self.key(map as u32);
        self.push(0x85, 0, 0, 0, 1);
        self.mov(ANY, 0);
        let tested = self.random.pick(&[0, ANY]);
        let branch = self
            .random
            .percent(95)
            .then(|| self.push(0x15, tested, 0, 0, 0));
        self.renew_arguments();
        let (_, bytes) = self.random.pick(&SIZES);
        let mut off = size - bytes + i16::from(self.random.percent(5));
        self.set(0, 1);
        match self.random.below(3) {
            0 => {
                let index = self.random.pick(&[1, 2, 3]);
                self.push(0x57, index, 0, 0, i32::from(bytes));
                self.push(0x0f, ANY, index, 0, 0);
                off -= bytes;
            }
            1 => {
                let index = self.random.pick(&[1, 2, 3]);
                let opcode = self.random.pick(&[0x25, 0x26, 0x35]);
                let skip = self.push(opcode, index, 0, 0, i32::from(off));
                self.push(0x0f, ANY, index, 0, 0);
                self.access(ANY, 0, bytes);
                self.land(skip);
                off = 0;
                self.set(ANY, 0);
                self.mov(ANY, FRAME);
                self.add(ANY, -40);
            }
            _ => {}
        }
        self.access(ANY, off, bytes);
        self.set(ANY, 0);
        if let Some(branch) = branch {
            // When the value is null, r1 to r5 are still gone.
            let over = self.push(0x05, 0, 0, 0, 0);
            self.land(branch);
            self.set(0, 0);
            self.set(ANY, 0);
            self.renew_arguments();
            self.land(over);
        }
    }

    /// Two lookups: one is tested, one is used.
    fn two_map_values(&mut self) {
        self.key(0);
        self.push(0x85, 0, 0, 0, 1);
        self.push(0x7b, FRAME, 0, -56, 0);
        self.key(0);
        self.push(0x85, 0, 0, 0, 1);
        self.push(0x79, ANY, FRAME, -56, 0);
        self.renew_arguments();
        let (tested, mut used) = match self.random.percent(50) {
            true => (0, ANY),
            false => (ANY, 0),
        };
        if self.random.percent(85) {
            used = tested;
        }
        let branch = self.push(0x15, tested, 0, 0, 0);
        self.push(0x79, 1, used, 8, 0);
        self.land(branch);
        self.set(0, 0);
    }

    fn helper(&mut self) {
        match self.random.below(5) {
            0 => {
                self.push(0x85, 0, 0, 0, 5);
            }
            1 => {
                self.push(0x85, 0, 0, 0, 7);
            }
            2 => {
                let map = self.random.below(2);
                self.key(map as u32);
                self.mov(3, FRAME);
                self.add(3, -(i32::from(VALUE_SIZES[map as usize])));
                self.set(4, 0);
                self.push(0x85, 0, 0, 0, 2);
            }
            3 => {
                self.key(0);
                self.push(0x85, 0, 0, 0, 3);
            }
            _ => return self.add_space(),
        }
        self.renew_arguments();
    }

    fn add_space(&mut self) {
        let head = self.random.below(40) as i32 - 20;
        let tail = self.random.below(9) as i32;
        self.set(1, head);
        self.set(2, tail);
        self.push(0x85, 0, 0, 0, 60);
        if self.random.percent(93) {
            self.packet_pointers();
        }
        self.renew_arguments();
    }

    fn data(&mut self) {
        let section = u32::from(self.random.percent(80));
        let (_, bytes) = self.random.pick(&SIZES);
        let start = self.random.below(8) as i16;
        self.load_wide(ANY, 2, section, start as u32);
        let off = DATA_SIZE - start - bytes + i16::from(self.random.percent(5));
        self.access(ANY, off, bytes);
    }

    fn atomic(&mut self) {
        let reg = self.number();
        let op = self
            .random
            .pick(&[0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1]);
        let (opcode, bytes) = self.random.pick(&[(0xdb, 8), (0xc3, 4)]);
        let off = -bytes * (1 + self.random.below(5) as i16);
        self.push(opcode, FRAME, reg, off, op);
    }

    fn call(&mut self) {
        self.mov(1, FRAME);
        self.add(1, -32);
        let call = self.push(0x85, 0, 1, 0, 0);
        self.calls.push(call);
        if self.dangling {
            let stored = self.random.percent(50);
            if stored {
                self.push(0x79, ANY, FRAME, -32, 0);
            }
            self.push(0x79, 1, if stored { ANY } else { 0 }, -8, 0);
            self.set(0, 0);
        }
        if self.random.percent(90) {
            self.packet_pointers();
        }
        self.renew_arguments();
    }

    /// `for (r9 = 0; r9 < n; r9++)` on the stack, since the body may use every register.
    fn counted_loop(&mut self, nesting: u32) {
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

    fn branch(&mut self, nesting: u32) {
        let condition = self.random.pick(&CONDITIONS);
        let class = self.random.pick(&[5, 6]);
        let dst = self.number();
        let branch = if self.random.percent(50) {
            let src = self.number();
            self.push(condition | class | 8, dst, src, 0, 0)
        } else {
            let imm = self.random.immediate();
            self.push(condition | class, dst, 0, 0, imm)
        };
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
}
