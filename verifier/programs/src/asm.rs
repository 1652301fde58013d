//! A small assembler in the syntax of LLVM, so that tests read like programs.
//!
//! Instructions are separated by `;` or a new line; `name:` before one is a label, `fn name:` starts
//! a function, `!` marks the one at which a finding is expected, and what follows `#` is a comment.
//! References are written `r1 = map 0` and `r1 = data 0 + 4`; `raw 0x0d 1 2 1 0` is a slot of these
//! numbers: opcode, dst, src, off, imm.

use std::collections::HashMap;

use bpf_object::{Function, RawInsn};

/// A program in slots.
#[derive(Clone, Debug)]
pub struct Assembled {
    /// Its slots.
    pub code: Vec<RawInsn>,
    /// Its functions; one called `main` when the text names none.
    pub functions: Vec<Function>,
    /// Slot of the instruction with a mark.
    pub marked: Option<u32>,
}

/// Assembles a program.
///
/// # Panics
/// On a mistake in the text.
#[must_use]
pub fn assemble(text: &str) -> Assembled {
    let mut assembler = Assembler::default();
    let code = text.lines().filter_map(|line| line.split('#').next());
    for part in code.flat_map(|line| line.split(';')) {
        let mut part = part.trim();
        while let Some((label, rest)) = part.split_once(':') {
            assembler.label(label.trim());
            part = rest.trim();
        }
        if let Some(marked) = part.strip_prefix('!') {
            assembler.marked = Some(assembler.code.len() as u32);
            part = marked;
        }
        if !part.is_empty() {
            assembler.instruction(part);
        }
    }
    assembler.finish()
}

#[derive(Default)]
struct Assembler {
    code: Vec<RawInsn>,
    functions: Vec<Function>,
    labels: HashMap<String, usize>,
    /// Slots whose distance to a label is still to be set.
    jumps: Vec<(usize, String)>,
    marked: Option<u32>,
}

const ALU: [(&str, u8, i16); 14] = [
    ("s>>=", 0xc0, 0),
    ("s/=", 0x30, 1),
    ("s%=", 0x90, 1),
    ("<<=", 0x60, 0),
    (">>=", 0x70, 0),
    ("+=", 0x00, 0),
    ("-=", 0x10, 0),
    ("*=", 0x20, 0),
    ("/=", 0x30, 0),
    ("|=", 0x40, 0),
    ("&=", 0x50, 0),
    ("%=", 0x90, 0),
    ("^=", 0xa0, 0),
    ("=", 0xb0, 0),
];

const CONDITIONS: [(&str, u8); 11] = [
    ("s>=", 0x70),
    ("s<=", 0xd0),
    ("s>", 0x60),
    ("s<", 0xc0),
    ("==", 0x10),
    ("!=", 0x50),
    (">=", 0x30),
    ("<=", 0xb0),
    (">", 0x20),
    ("<", 0xa0),
    ("&", 0x40),
];

fn number(text: &str) -> i64 {
    let (negative, digits) = match text.trim().strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.trim()),
    };
    let value = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    let value = value.unwrap_or_else(|_| panic!("not a number: {text}")) as i64;
    if negative {
        value.wrapping_neg()
    } else {
        value
    }
}

/// `r3` or `w3`, and whether it is the 64-bit one.
fn register(text: &str) -> Option<(u8, bool)> {
    let text = text.trim();
    let wide = text.starts_with('r');
    let digits = text.strip_prefix('r').or_else(|| text.strip_prefix('w'))?;
    Some((digits.parse().ok()?, wide))
}

/// `(u32*)(r1 + 4)`: size bits, whether signed, base, offset.
fn memory(text: &str) -> Option<(u8, bool, u8, i16)> {
    let text = text.trim().strip_prefix("*(")?;
    let (size, rest) = text.split_once("*)")?;
    let (size_bits, signed) = match size.trim() {
        "u32" => (0x00, false),
        "u16" => (0x08, false),
        "u8" => (0x10, false),
        "u64" => (0x18, false),
        "s32" => (0x00, true),
        "s16" => (0x08, true),
        "s8" => (0x10, true),
        other => panic!("size {other}"),
    };
    let inner = rest.trim().strip_prefix('(')?.strip_suffix(')')?;
    let sign = inner.find(['+', '-'])?;
    let (base, off) = inner.split_at(sign);
    let off = number(&off.replace(['+', ' '], ""));
    Some((size_bits, signed, register(base)?.0, off as i16))
}

impl Assembler {
    fn push(&mut self, opcode: u8, dst: u8, src: u8, off: i16, imm: i64) {
        self.code.push(RawInsn {
            opcode,
            dst,
            src,
            off,
            imm: imm as i32,
        });
    }

    fn wide(&mut self, dst: u8, src: u8, low: i64, high: i64) {
        self.push(0x18, dst, src, 0, low);
        self.push(0, 0, 0, 0, high);
    }

    fn label(&mut self, label: &str) {
        let name = match label.strip_prefix("fn ") {
            Some(name) => {
                self.functions.push(Function {
                    name: name.into(),
                    start: self.code.len() as u32,
                });
                name
            }
            None => label,
        };
        self.labels.insert(name.into(), self.code.len());
    }

    fn instruction(&mut self, line: &str) {
        if line == "exit" {
            self.push(0x95, 0, 0, 0, 0);
        } else if let Some(label) = line.strip_prefix("goto ") {
            self.jumps.push((self.code.len(), label.into()));
            self.push(0x05, 0, 0, 0, 0);
        } else if let Some(target) = line.strip_prefix("call ") {
            match target.parse() {
                Ok(id) => self.push(0x85, 0, 0, 0, id),
                Err(_) => {
                    self.jumps.push((self.code.len(), target.into()));
                    self.push(0x85, 0, 1, 0, 0);
                }
            }
        } else if let Some(fields) = line.strip_prefix("raw ") {
            let fields: Vec<i64> = fields.split(' ').map(number).collect();
            let [opcode, dst, src, off, imm] = fields[..] else {
                panic!("{line}")
            };
            self.push(opcode as u8, dst as u8, src as u8, off as i16, imm);
        } else if let Some(condition) = line.strip_prefix("if ") {
            self.branch(condition);
        } else if let Some(atomic) = line.strip_prefix("lock ") {
            self.atomic(atomic);
        } else if line.starts_with('*') {
            self.store(line);
        } else {
            self.arithmetic(line);
        }
    }

    fn branch(&mut self, text: &str) {
        let (condition, label) = text.split_once(" goto ").expect("goto");
        let (symbol, op) = CONDITIONS
            .into_iter()
            .find(|(symbol, _)| condition.split(' ').any(|word| word == *symbol))
            .expect("a condition");
        let (left, right) = condition.split_once(&format!(" {symbol} ")).unwrap();
        let (dst, wide) = register(left).expect("a register");
        let class = if wide { 0x05 } else { 0x06 };
        self.jumps.push((self.code.len(), label.trim().into()));
        match register(right) {
            Some((src, _)) => self.push(op | class | 0x08, dst, src, 0, 0),
            None => self.push(op | class, dst, 0, 0, number(right)),
        }
    }

    /// `lock *(u64*)(r1 + 0) += r2`; `fetch+=` and so on, `xchg` and `cmpxchg` write registers.
    fn atomic(&mut self, text: &str) {
        let words: Vec<&str> = text.rsplitn(3, ' ').collect();
        let [src, op, target] = words[..] else {
            panic!("{text}")
        };
        let imm = match op {
            "+=" => 0x00,
            "fetch+=" => 0x01,
            "|=" => 0x40,
            "fetch|=" => 0x41,
            "&=" => 0x50,
            "fetch&=" => 0x51,
            "^=" => 0xa0,
            "fetch^=" => 0xa1,
            "xchg" => 0xe1,
            "cmpxchg" => 0xf1,
            _ => panic!("{text}"),
        };
        let (size, _, base, off) = memory(target).expect("memory");
        self.push(0xc3 | size, base, register(src).unwrap().0, off, imm);
    }

    fn store(&mut self, line: &str) {
        let (target, value) = line.rsplit_once(" = ").expect("a store");
        let (size, _, base, off) = memory(target).expect("memory");
        match register(value) {
            Some((src, _)) => self.push(0x63 | size, base, src, off, 0),
            None => self.push(0x62 | size, base, 0, off, number(value)),
        }
    }

    fn arithmetic(&mut self, line: &str) {
        let (symbol, op, off) = ALU
            .into_iter()
            .find(|(symbol, ..)| line.split(' ').any(|word| word == *symbol))
            .unwrap_or_else(|| panic!("unknown instruction: {line}"));
        let (left, right) = line.split_once(&format!(" {symbol} ")).unwrap();
        let (dst, wide) = register(left).unwrap_or_else(|| panic!("{line}"));
        let class = if wide { 0x07 } else { 0x04 };
        if symbol == "=" && self.special(dst, class, right.trim()) {
            return;
        }
        match register(right) {
            Some((src, _)) => self.push(op | class | 0x08, dst, src, off, 0),
            None => self.push(op | class, dst, 0, off, number(right)),
        }
    }

    /// What stands behind `=` and is neither a register nor an immediate.
    fn special(&mut self, dst: u8, class: u8, right: &str) -> bool {
        if let Some(value) = right.strip_suffix(" ll") {
            let value = number(value);
            self.wide(dst, 0, value, value >> 32);
        } else if let Some(index) = right.strip_prefix("map ") {
            self.wide(dst, 1, number(index), 0);
        } else if let Some(place) = right.strip_prefix("data ") {
            let (section, offset) = place.split_once(" + ").expect("an offset");
            self.wide(dst, 2, number(section), number(offset));
        } else if let Some((size, signed, base, off)) = memory(right) {
            let mode = if signed { 0x81 } else { 0x61 };
            self.push(mode | size, dst, base, off, 0);
        } else if let Some((bits, src)) = right.strip_prefix("(s").and_then(|r| r.split_once(')')) {
            let off = number(bits) as i16;
            self.push(0xb8 | class, dst, register(src).unwrap().0, off, 0);
        } else if right == format!("-r{dst}") || right == format!("-w{dst}") {
            self.push(0x80 | class, dst, 0, 0, 0);
        } else if let Some((name, _)) = right.split_once(' ') {
            let (opcode, bits) = match name.split_at(name.len() - 2) {
                ("bswap", bits) => (0xd7, bits),
                ("be", bits) => (0xdc, bits),
                ("le", bits) => (0xd4, bits),
                _ => return false,
            };
            self.push(opcode, dst, 0, 0, number(bits));
        } else {
            return false;
        }
        true
    }

    fn finish(mut self) -> Assembled {
        for (slot, label) in self.jumps {
            let target = *self
                .labels
                .get(&label)
                .unwrap_or_else(|| panic!("no label {label}"));
            let distance = target as i64 - slot as i64 - 1;
            if self.code[slot].opcode == 0x85 {
                self.code[slot].imm = distance as i32;
            } else {
                let distance = i16::try_from(distance);
                self.code[slot].off = distance.expect("a label within reach");
            }
        }
        if self.functions.first().is_none_or(|first| first.start != 0) {
            self.functions.insert(
                0,
                Function {
                    name: "main".into(),
                    start: 0,
                },
            );
        }
        Assembled {
            code: self.code,
            functions: self.functions,
            marked: self.marked,
        }
    }
}
