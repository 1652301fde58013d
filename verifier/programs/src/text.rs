//! Programs as text: the assembler's, with lines in front that say what else an image has.
//!
//! ```text
//! .kind filter
//! .map counters hash 4 8 16
//! .data .rodata 01020304
//! r0 = 0
//! exit
//! ```
//!
//! A map has a name, a kind, bytes of key and value, and a number of entries. Data is written in
//! hexadecimal; a section whose name begins with `.rodata` is not writable.

use core::fmt::Write as _;
use std::collections::BTreeSet;

use bpf_object::{
    AluOp, AtomicOp, Cond, DataSection, Image, ImageParts, Insn, LineTable, MapDef, Operand, Reg,
    Size, SwapKind, Wide, Width,
};
use platform_click::{MapKind, ProgramKind};

use crate::asm::assemble;

/// The maps of programs that name none: a hash of 8 values of 16 bytes, an array of 4 of 64 bytes.
#[must_use]
pub fn default_maps() -> Vec<MapDef> {
    vec![
        map("hash", MapKind::Hash, [4, 16, 8]),
        map("array", MapKind::Array, [4, 64, 4]),
    ]
}

/// The data of programs that name none: the bytes 1 to 8, read-only, and 16 zeros.
#[must_use]
pub fn default_data() -> Vec<DataSection> {
    vec![
        data(".rodata", vec![1, 2, 3, 4, 5, 6, 7, 8]),
        data(".data", vec![0; 16]),
    ]
}

fn map(name: &str, kind: MapKind, [key_size, value_size, max_entries]: [u32; 3]) -> MapDef {
    MapDef {
        name: name.into(),
        kind,
        key_size,
        value_size,
        max_entries,
    }
}

fn data(name: &str, bytes: Vec<u8>) -> DataSection {
    DataSection {
        name: name.into(),
        bytes,
        writable: !name.starts_with(".rodata"),
    }
}

/// Reads a program; a rewriter unless it says otherwise.
///
/// # Panics
/// On a mistake in the text.
#[must_use]
pub fn read(text: &str) -> ImageParts {
    let mut kind = ProgramKind::Rewriter;
    let (mut maps, mut sections, mut code) = (Vec::new(), Vec::new(), String::new());
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [".kind", name] => kind = kind_named(name),
            [".map", name, kind, key, value, entries] => {
                let sizes = [key, value, entries].map(|size| size.parse().expect("a size"));
                maps.push(map(name, map_kind_named(kind), sizes));
            }
            [".data", name, bytes] => sections.push(data(name, from_hex(bytes))),
            _ => {
                code += line;
                code.push('\n');
            }
        }
    }
    let assembled = assemble(&code);
    ImageParts {
        kind,
        code: assembled.code,
        functions: assembled.functions,
        maps,
        data: sections,
        lines: LineTable::default(),
    }
}

fn kind_named(name: &str) -> ProgramKind {
    let mut kinds = (0..=u8::MAX).filter_map(ProgramKind::from_number);
    kinds
        .find(|kind| kind.to_string() == name)
        .unwrap_or_else(|| panic!("no kind {name}"))
}

fn map_kind_named(name: &str) -> MapKind {
    let mut kinds = MapKind::ALL.iter().copied();
    kinds
        .find(|kind| kind.name() == name)
        .unwrap_or_else(|| panic!("no kind of maps {name}"))
}

fn from_hex(text: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
    (0..text.len()).step_by(2).map(byte).collect()
}

/// The image as [`read`] reads it.
#[must_use]
pub fn write(image: &Image) -> String {
    let mut text = format!(".kind {}\n", image.kind());
    for map in image.maps() {
        writeln!(
            text,
            ".map {} {} {} {} {}",
            map.name, map.kind, map.key_size, map.value_size, map.max_entries
        )
        .unwrap();
    }
    for section in image.data() {
        write!(text, ".data {} ", section.name).unwrap();
        for byte in &section.bytes {
            write!(text, "{byte:02x}").unwrap();
        }
        text.push('\n');
    }
    write_code(&mut text, image);
    text
}

fn write_code(text: &mut String, image: &Image) {
    let targets: BTreeSet<u32> = image
        .code()
        .iter()
        .filter_map(|insn| insn.jump_target())
        .collect();
    for (slot, insn) in (0_u32..).zip(image.code()) {
        if let Some(index) = image.functions().iter().position(|f| f.start == slot) {
            writeln!(text, "fn f{index}:").unwrap();
        }
        if targets.contains(&slot) {
            writeln!(text, "L{slot}:").unwrap();
        }
        if *insn != Insn::WideTail {
            writeln!(text, "  {}", line(image, *insn)).unwrap();
        }
    }
}

/// One instruction in the assembler's syntax.
fn line(image: &Image, insn: Insn) -> String {
    match insn {
        Insn::Alu {
            width,
            op,
            dst,
            src,
        } => format!(
            "{} {} {}",
            reg(dst, width),
            alu_symbol(op),
            operand(src, width)
        ),
        Insn::MovSx {
            width,
            dst,
            src,
            from,
        } => format!(
            "{} = (s{}){}",
            reg(dst, width),
            8 * from.bytes(),
            reg(src, width)
        ),
        Insn::Neg { width, dst } => format!("{0} = -{0}", reg(dst, width)),
        Insn::Swap { kind, width, dst } => {
            let name = match kind {
                SwapKind::ToLe => "le",
                SwapKind::ToBe => "be",
                SwapKind::Always => "bswap",
            };
            let dst = reg(dst, Width::W64);
            format!("{dst} = {name}{} {dst}", width.bits())
        }
        Insn::Wide { dst, value } => match value {
            Wide::Number(number) => format!("{} = {number:#x} ll", reg(dst, Width::W64)),
            Wide::Map(index) => format!("{} = map {index}", reg(dst, Width::W64)),
            Wide::Data { section, offset } => {
                format!("{} = data {section} + {offset}", reg(dst, Width::W64))
            }
        },
        Insn::WideTail => String::new(),
        Insn::Load {
            size,
            signed,
            dst,
            base,
            off,
        } => {
            let sign = if signed { 's' } else { 'u' };
            format!(
                "{} = {}",
                reg(dst, Width::W64),
                place(sign, size, base, off)
            )
        }
        Insn::Store {
            size,
            base,
            off,
            src,
        } => format!(
            "{} = {}",
            place('u', size, base, off),
            operand(src, Width::W64)
        ),
        Insn::Atomic {
            size,
            op,
            base,
            off,
            src,
        } => format!(
            "lock {} {} {}",
            place('u', size, base, off),
            atomic_symbol(op),
            reg(src, Width::W64)
        ),
        Insn::Jump { target } => format!("goto L{target}"),
        Insn::Branch {
            width,
            cond,
            dst,
            src,
            target,
        } => format!(
            "if {} {} {} goto L{target}",
            reg(dst, width),
            cond_symbol(cond),
            operand(src, width)
        ),
        Insn::CallHelper { id } => format!("call {id}"),
        Insn::CallLocal { target } => {
            let functions = image.functions();
            let index = functions
                .iter()
                .position(|function| function.start == target);
            format!("call f{}", index.unwrap())
        }
        Insn::Exit => "exit".into(),
    }
}

fn reg(reg: Reg, width: Width) -> String {
    let letter = match width {
        Width::W64 => 'r',
        Width::W32 => 'w',
    };
    format!("{letter}{}", reg.number())
}

fn operand(operand: Operand, width: Width) -> String {
    match operand {
        Operand::Reg(src) => reg(src, width),
        Operand::Imm(imm) => imm.to_string(),
    }
}

fn place(sign: char, size: Size, base: Reg, off: i16) -> String {
    let bits = 8 * size.bytes();
    let operation = if off < 0 { '-' } else { '+' };
    let off = off.unsigned_abs();
    format!(
        "*({sign}{bits}*)({} {operation} {off})",
        reg(base, Width::W64)
    )
}

const fn alu_symbol(op: AluOp) -> &'static str {
    match op {
        AluOp::Add => "+=",
        AluOp::Sub => "-=",
        AluOp::Mul => "*=",
        AluOp::Div => "/=",
        AluOp::SDiv => "s/=",
        AluOp::Or => "|=",
        AluOp::And => "&=",
        AluOp::Lsh => "<<=",
        AluOp::Rsh => ">>=",
        AluOp::Mod => "%=",
        AluOp::SMod => "s%=",
        AluOp::Xor => "^=",
        AluOp::Mov => "=",
        AluOp::Arsh => "s>>=",
    }
}

const fn cond_symbol(cond: Cond) -> &'static str {
    match cond {
        Cond::Eq => "==",
        Cond::Ne => "!=",
        Cond::Set => "&",
        Cond::Gt => ">",
        Cond::Ge => ">=",
        Cond::Lt => "<",
        Cond::Le => "<=",
        Cond::SGt => "s>",
        Cond::SGe => "s>=",
        Cond::SLt => "s<",
        Cond::SLe => "s<=",
    }
}

const fn atomic_symbol(op: AtomicOp) -> &'static str {
    match op {
        AtomicOp::Add { fetch: false } => "+=",
        AtomicOp::Add { fetch: true } => "fetch+=",
        AtomicOp::Or { fetch: false } => "|=",
        AtomicOp::Or { fetch: true } => "fetch|=",
        AtomicOp::And { fetch: false } => "&=",
        AtomicOp::And { fetch: true } => "fetch&=",
        AtomicOp::Xor { fetch: false } => "^=",
        AtomicOp::Xor { fetch: true } => "fetch^=",
        AtomicOp::Exchange => "xchg",
        AtomicOp::CompareExchange => "cmpxchg",
    }
}

#[cfg(test)]
mod tests {
    use bpf_object::RawInsn;

    use super::*;
    use crate::{Random, program};

    #[test]
    fn what_is_written_is_read_again() {
        let mut read_again = 0;
        for seed in 0..2_000 {
            let Some(image) = program(&mut Random::new(seed)) else {
                continue;
            };
            let text = write(&image);
            let again = Image::new(read(&text)).unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert_eq!(again.digest(), image.digest(), "{text}");
            read_again += 1;
        }
        assert!(read_again > 1_000);
    }

    #[test]
    fn a_slot_can_be_given_in_numbers() {
        let code = read("raw 0x0d 1 2 1 4660; r0 = 0 # a comment").code;
        let want = RawInsn {
            opcode: 0x0d,
            dst: 1,
            src: 2,
            off: 1,
            imm: 4660,
        };
        assert_eq!((code[0], code.len()), (want, 2));
    }
}
