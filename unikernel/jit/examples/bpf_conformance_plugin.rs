//! A plugin for the public conformance suite, <https://github.com/Alan-Jowett/bpf_conformance>.
//!
//! ```sh
//! cargo build --release -p bpf-jit --example bpf-conformance-plugin
//! bpf_conformance_runner --test_file_directory tests --cpu_version v4 --include_groups callx \
//!     --include_groups packet \
//!     --plugin_path target/release/examples/bpf-conformance-plugin --plugin_options --jit
//! ```
//!
//! The test `public_suite` does that in both modes.
//!
//! The program comes in hexadecimal digits on standard input, the memory that it works on as the first
//! argument if there is any; what it returns is printed in hexadecimal digits. The suite gives a program
//! the memory in `r1` and its size in `r2`, the platform a context that leads to it: instructions
//! before the program make the one from the other.
//!
//! `--jit` runs machine code, after the interpreter has found that the program keeps to its memory;
//! `--interpret`, the default, leaves it at that.
#![allow(
    clippy::print_stdout,
    reason = "the suite reads the result from standard output"
)]

use core::error::Error;
use std::io::Read as _;

use bpf_jit::{Options, Program};
use bpf_object::{Function, Image, ImageParts, LineTable, RawInsn};
use bpf_runtime::{DeterministicEnvironment, Instance, Maps, Packet};
use code_memory::ProcessMemory;
use platform_click::ProgramKind;

/// More than any program of the suite needs.
const FUEL: u64 = 1 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let mut memory = Vec::new();
    let mut jit = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--jit" => jit = true,
            "--interpret" => jit = false,
            option if option.starts_with("--") => return Err(format!("no option {option}").into()),
            digits => memory = bytes(digits)?,
        }
    }
    let mut program = String::new();
    std::io::stdin().read_to_string(&mut program)?;
    println!("{:x}", run(&bytes(&program)?, &memory, jit)?);
    Ok(())
}

/// What the program returns.
fn run(program: &[u8], memory: &[u8], jit: bool) -> Result<u64, Box<dyn Error>> {
    let image = link(program)?;
    let maps = || Maps::new(image.maps(), [1, 2]);
    let mut packet = Packet::new(memory)?;
    let mut environment = DeterministicEnvironment::new(1);
    let outcome = Instance::new(&image, maps()?)?.run(&mut packet, &mut environment, FUEL)?;
    if !jit {
        return Ok(outcome.value);
    }
    // SAFETY: the interpreter checked every access of the same run, and its pointers are as opaque
    // to the suite's programs as the machine's.
    let mut program =
        unsafe { Program::unverified(&image, &Options::default(), maps()?, &mut ProcessMemory)? };
    let mut packet = Packet::new(memory)?;
    let mut environment = DeterministicEnvironment::new(1);
    Ok(program.run(&mut packet, &mut environment, FUEL)?.value)
}

/// A program without maps and data, in which every target of a local call is a function.
fn link(program: &[u8]) -> Result<Image, Box<dyn Error>> {
    let insn = |opcode, dst, src, off| RawInsn {
        opcode,
        dst,
        src,
        off,
        imm: 0,
    };
    let mut code = vec![
        insn(0x79, 2, 1, 8), // r2 = data_end
        insn(0x79, 1, 1, 0), // r1 = data
        insn(0x1f, 2, 1, 0), // r2 -= r1
        // The suite counts on it.
        insn(0xb7, 0, 0, 0), // r0 = 0
    ];
    let (slots, rest) = program.as_chunks();
    if !rest.is_empty() {
        return Err("the program is not made of slots of 8 bytes".into());
    }
    code.extend(slots.iter().map(|slot| RawInsn::from_bytes(*slot)));
    let calls = (0_i64..)
        .zip(&code)
        .filter(|(_, insn)| insn.opcode == 0x85 && insn.src == 1);
    let targets = calls.map(|(slot, insn)| slot.saturating_add(1).saturating_add(insn.imm.into()));
    let mut starts: Vec<u32> = targets
        .chain([0])
        .map(u32::try_from)
        .collect::<Result<_, _>>()?;
    starts.sort_unstable();
    starts.dedup();
    let function = |start| Function {
        name: format!("f{start}"),
        start,
    };
    Ok(Image::new(ImageParts {
        kind: ProgramKind::Rewriter,
        functions: starts.into_iter().map(function).collect(),
        code,
        maps: Vec::new(),
        data: Vec::new(),
        lines: LineTable::default(),
    })?)
}

/// Bytes in hexadecimal, with or without space between them.
fn bytes(text: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return Err("an odd number of hexadecimal digits".into());
    }
    let byte = |pair: &[u8; 2]| -> Result<u8, Box<dyn Error>> {
        Ok(u8::from_str_radix(core::str::from_utf8(pair)?, 16)?)
    };
    pairs.iter().map(byte).collect()
}
