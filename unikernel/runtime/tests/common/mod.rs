//! Programs from raw instructions, and one way to run them.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and not every test uses everything"
)]

use bpf_object::{DataSection, Function, Image, ImageParts, LineTable, MapDef, RawInsn};
use bpf_runtime::{DeterministicEnvironment, Fault, FaultCause, Instance, Maps, Outcome, Packet};
use platform_click::{MapKind, ProgramKind};

/// Fuel of tests that do not care.
pub const FUEL: u64 = 10_000;

pub const R0: u8 = 0;
pub const R1: u8 = 1;
pub const R2: u8 = 2;
pub const R3: u8 = 3;
pub const R4: u8 = 4;
pub const R5: u8 = 5;
pub const R6: u8 = 6;
pub const R7: u8 = 7;
pub const R10: u8 = 10;

pub const fn insn(opcode: u8, dst: u8, src: u8, off: i16, imm: i32) -> RawInsn {
    RawInsn {
        opcode,
        dst,
        src,
        off,
        imm,
    }
}

/// `dst = imm`, sign-extended.
pub const fn mov(dst: u8, imm: i32) -> RawInsn {
    insn(0xb7, dst, 0, 0, imm)
}

/// `dst = src`.
pub const fn mov_reg(dst: u8, src: u8) -> RawInsn {
    insn(0xbf, dst, src, 0, 0)
}

/// `dst += imm`.
pub const fn add(dst: u8, imm: i32) -> RawInsn {
    insn(0x07, dst, 0, 0, imm)
}

/// `dst = *(u64 *)(base + off)`.
pub const fn load64(dst: u8, base: u8, off: i16) -> RawInsn {
    insn(0x79, dst, base, off, 0)
}

/// `dst = *(u32 *)(base + off)`.
pub const fn load32(dst: u8, base: u8, off: i16) -> RawInsn {
    insn(0x61, dst, base, off, 0)
}

/// `dst = *(u8 *)(base + off)`.
pub const fn load8(dst: u8, base: u8, off: i16) -> RawInsn {
    insn(0x71, dst, base, off, 0)
}

/// `*(u64 *)(base + off) = src`.
pub const fn store64(base: u8, off: i16, src: u8) -> RawInsn {
    insn(0x7b, base, src, off, 0)
}

/// `*(u64 *)(base + off) = imm`.
pub const fn store64_imm(base: u8, off: i16, imm: i32) -> RawInsn {
    insn(0x7a, base, 0, off, imm)
}

/// `*(u32 *)(base + off) = imm`.
pub const fn store32_imm(base: u8, off: i16, imm: i32) -> RawInsn {
    insn(0x62, base, 0, off, imm)
}

/// `*(u8 *)(base + off) = imm`.
pub const fn store8_imm(base: u8, off: i16, imm: i32) -> RawInsn {
    insn(0x72, base, 0, off, imm)
}

/// `dst = number`, 64 bits.
pub const fn wide(dst: u8, number: u64) -> [RawInsn; 2] {
    [
        insn(0x18, dst, 0, 0, number as u32 as i32),
        insn(0, 0, 0, 0, (number >> 32) as i32),
    ]
}

/// `dst = map`.
pub const fn map(dst: u8, index: i32) -> [RawInsn; 2] {
    [insn(0x18, dst, 1, 0, index), insn(0, 0, 0, 0, 0)]
}

/// `dst = &section[offset]`.
pub const fn data(dst: u8, section: i32, offset: i32) -> [RawInsn; 2] {
    [insn(0x18, dst, 2, 0, section), insn(0, 0, 0, 0, offset)]
}

/// Calls the helper with this number.
pub const fn helper(id: i32) -> RawInsn {
    insn(0x85, 0, 0, 0, id)
}

/// Calls the function that starts so many slots behind the next.
pub const fn call(distance: i32) -> RawInsn {
    insn(0x85, 0, 1, 0, distance)
}

pub const fn exit() -> RawInsn {
    insn(0x95, 0, 0, 0, 0)
}

/// Puts instructions and pairs of slots behind each other.
#[macro_export]
macro_rules! program {
    ($($insn:expr),* $(,)?) => {{
        let mut code: Vec<bpf_object::RawInsn> = Vec::new();
        $( code.extend(<[bpf_object::RawInsn]>::iter($crate::common::AsSlots::slots(&$insn))); )*
        code
    }};
}

/// One slot or two.
pub trait AsSlots {
    fn slots(&self) -> &[RawInsn];
}

impl AsSlots for RawInsn {
    fn slots(&self) -> &[RawInsn] {
        core::slice::from_ref(self)
    }
}

impl AsSlots for [RawInsn; 2] {
    fn slots(&self) -> &[RawInsn] {
        self
    }
}

/// What a test program is made of.
#[derive(Clone, Debug)]
pub struct Program {
    pub kind: ProgramKind,
    pub code: Vec<RawInsn>,
    pub maps: Vec<MapDef>,
    pub data: Vec<DataSection>,
}

impl Program {
    pub fn new(code: Vec<RawInsn>) -> Self {
        Self {
            kind: ProgramKind::Rewriter,
            code,
            maps: Vec::new(),
            data: Vec::new(),
        }
    }

    pub fn map(mut self, name: &str, kind: MapKind, key: u32, value: u32, max: u32) -> Self {
        self.maps.push(map_def(name, kind, key, value, max));
        self
    }

    pub fn data(mut self, name: &str, bytes: &[u8], writable: bool) -> Self {
        self.data.push(DataSection {
            name: name.into(),
            bytes: bytes.into(),
            writable,
        });
        self
    }

    /// Every target of a local call starts a function.
    pub fn image(&self) -> Image {
        let calls = self.code.iter().enumerate();
        let calls = calls.filter(|(_, insn)| insn.opcode == 0x85 && insn.src == 1);
        let mut starts: Vec<u32> = calls
            .map(|(slot, insn)| u32::try_from(slot as i64 + 1 + i64::from(insn.imm)).unwrap())
            .chain([0])
            .collect();
        starts.sort_unstable();
        starts.dedup();
        Image::new(ImageParts {
            kind: self.kind,
            code: self.code.clone(),
            functions: starts
                .into_iter()
                .map(|start| Function {
                    name: format!("f{start}"),
                    start,
                })
                .collect(),
            maps: self.maps.clone(),
            data: self.data.clone(),
            lines: LineTable::default(),
        })
        .unwrap()
    }

    pub fn instance(&self) -> Instance {
        let image = self.image();
        let maps = Maps::new(image.maps(), [1, 2]).unwrap();
        Instance::new(&image, maps).unwrap()
    }

    pub fn run(&self, packet: &[u8]) -> Result<Outcome, Fault> {
        let mut packet = Packet::new(packet).unwrap();
        self.instance()
            .run(&mut packet, &mut DeterministicEnvironment::new(1), FUEL)
    }

    /// What the program returns on an empty packet.
    pub fn value(&self) -> u64 {
        self.run(&[]).unwrap().value
    }

    /// Why the program is stopped on an empty packet.
    pub fn cause(&self) -> FaultCause {
        self.run(&[]).unwrap_err().cause
    }
}

pub fn map_def(name: &str, kind: MapKind, key: u32, value: u32, max: u32) -> MapDef {
    MapDef {
        name: name.into(),
        kind,
        key_size: key,
        value_size: value,
        max_entries: max,
    }
}
