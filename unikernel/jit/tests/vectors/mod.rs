//! The cases of `tests/conformance/`.
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

use std::fs;
use std::path::{Path, PathBuf};

use bpf_object::RawInsn;

use crate::assembler::{assemble, hex, number};

/// The folder of the files.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance")
}

/// What a case expects of a program.
pub struct Case {
    /// What is tested: the instruction, or the program.
    pub subject: String,
    pub name: String,
    pub code: Vec<RawInsn>,
    pub memory: Vec<u8>,
    pub value: u64,
    pub packet: Option<Vec<u8>>,
}

fn unsigned(text: &str) -> u64 {
    let value = number(text).unwrap_or_else(|| panic!("no number: {text}"));
    value as u64
}

/// The cases of a file.
pub fn cases(file: &str) -> Vec<Case> {
    let text = fs::read_to_string(folder().join(file)).unwrap();
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap().trim());
    let mut cases = Vec::new();
    let mut op = None;
    let mut program: Option<(String, String, Vec<u8>)> = None;
    for line in lines.filter(|line| !line.is_empty()) {
        if let Some(instruction) = line.strip_prefix("op ") {
            op = Some(instruction);
        } else if let Some(name) = line.strip_prefix("program ") {
            program = Some((name.to_owned(), String::new(), Vec::new()));
            op = None;
        } else if let Some(instruction) = op {
            let (before, after) = line.split_once('=').unwrap();
            let before: Vec<u64> = before.split_whitespace().map(unsigned).collect();
            cases.extend(variants(instruction, &before, unsigned(after)));
        } else if let Some(bytes) = line.strip_prefix("packet ") {
            cases.last_mut().unwrap().packet = Some(hex(bytes));
        } else if let Some(value) = line.strip_prefix("= ") {
            let (name, text, memory) = program.take().unwrap();
            cases.push(Case {
                name: format!("{file}: {name}"),
                subject: name,
                code: assemble(&text),
                memory,
                value: unsigned(value),
                packet: None,
            });
        } else {
            let (_, text, memory) = program.as_mut().unwrap();
            match line.strip_prefix("memory ") {
                Some(bytes) => *memory = hex(bytes),
                None => *text += &format!("{line}\n"),
            }
        }
    }
    assert!(program.is_none(), "{file}: the last program has no result");
    cases
}

/// An instruction on `r0` and `r1` with other registers, and with an immediate.
fn variants(instruction: &str, before: &[u64], after: u64) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |insn: String, left: usize, right: Option<usize>| {
        let mut text = format!("r{left} = {:#x} ll\n", before[0]);
        if let (Some(right), [_, value]) = (right, before) {
            text += &format!("r{right} = {value:#x} ll\n");
        }
        if insn.starts_with("if ") {
            text += &format!("{insn} goto taken\nr0 = 0\nexit\ntaken:\nr0 = 1\nexit\n");
        } else {
            text += &format!("{insn}\nr0 = r{left}\nexit\n");
        }
        cases.push(Case {
            name: format!("{insn}, {before:x?}"),
            subject: instruction.to_owned(),
            code: assemble(&text),
            memory: Vec::new(),
            value: after,
            packet: None,
        });
    };
    let with = |left: &str, right: &str| {
        let renamed = instruction.replace("r1", "r@").replace("w1", "w@");
        let renamed = renamed.replace("r0", &format!("r{left}"));
        let renamed = renamed.replace("w0", &format!("w{left}"));
        renamed
            .replace("r@", &format!("r{right}"))
            .replace("w@", &format!("w{right}"))
    };
    for left in 0..10 {
        let names = left.to_string();
        let [_, value] = before else {
            add(with(&names, ""), left, None);
            continue;
        };
        for right in (0..10).filter(|right| *right != left) {
            add(with(&names, &right.to_string()), left, Some(right));
        }
        // The immediate is sign-extended, of which 32-bit operations use the lower half.
        let fits = i64::from(*value as i32) as u64 == *value;
        let lower_half = instruction.contains("w1") && value >> 32 == 0;
        if (fits || lower_half) && !instruction.contains("(s") {
            let immediate = instruction.replace("r1", "@").replace("w1", "@");
            let immediate = immediate.replace("r0", &format!("r{left}"));
            let immediate = immediate.replace("w0", &format!("w{left}"));
            add(
                immediate.replace('@', &(*value as i32).to_string()),
                left,
                None,
            );
        }
    }
    cases
}
