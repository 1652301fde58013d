//! The kernel that runs on the vectors of `tests/conformance/`, through `BPF_PROG_TEST_RUN`: a third
//! opinion, for root.
//!
//! Where it disagrees with RFC 9669, or refuses what the RFC allows, is in the ledger `linux.txt`, written
//! with Linux 6.18. A disagreement that is not there fails, since ours might be the mistake; so does one
//! that is there and is no more, since the ledger would hide the next.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says aloud when it does nothing"
)]

mod assembler;
mod both;
mod corpus;
#[path = "linux/mod.rs"]
mod linux;
mod vectors;

use std::collections::BTreeSet;
use std::path::Path;

use both::compile;
use bpf_jit::Options;
use bpf_object::{AluOp, Image, ImageParts, Insn, LineTable, Operand, Reg, Width};
use bpf_runtime::{DeterministicEnvironment, Packet};
use corpus::{packets, programs};
use platform_click::ProgramKind;
use vectors::{Case, cases};

/// Files whose programs call nothing and access no packet: the kernel wants a packet's size compared first.
const FILES: &[&str] = &[
    "alu64.txt",
    "alu32.txt",
    "divide.txt",
    "extend.txt",
    "branch.txt",
    "atomic.txt",
    "jump.txt",
    "pairs.txt",
];

/// The program, whose ends all lead to one, where the upper half of what it returns is moved down if
/// `upper` says so: a run gives 32 bits.
fn half_of(code: &[Insn], upper: bool) -> Vec<Insn> {
    let end = code.len() as u32;
    let leads = |insn: &Insn| match insn {
        Insn::Exit => Insn::Jump { target: end },
        other => *other,
    };
    let mut code: Vec<Insn> = code.iter().map(leads).collect();
    if upper {
        code.push(Insn::Alu {
            width: Width::W64,
            op: AluOp::Rsh,
            dst: Reg::R0,
            src: Operand::Imm(32),
        });
    }
    code.push(Insn::Exit);
    code
}

/// What the kernel does otherwise than the case says, if it does.
fn disagreement(case: &Case) -> Option<&'static str> {
    let image = Image::new(ImageParts {
        kind: ProgramKind::Rewriter,
        functions: vec![bpf_object::Function {
            name: "program".into(),
            start: 0,
        }],
        code: case.code.clone(),
        maps: Vec::new(),
        data: Vec::new(),
        lines: LineTable::default(),
    })
    .unwrap();
    let mut packet = case.memory.clone();
    packet.resize(packet.len().max(linux::SHORTEST), 0);
    for (upper, half) in [
        (false, case.value as u32),
        (true, (case.value >> 32) as u32),
    ] {
        let Ok(program) = linux::Loaded::new(&half_of(image.code(), upper), &[]) else {
            return Some("refused");
        };
        if program.run(&packet, 1).unwrap().value != half {
            return Some("differs");
        }
    }
    None
}

/// Whether the kernel takes programs from us; says it aloud if not.
fn is_there() -> bool {
    let permitted = linux::is_permitted();
    if let Err(error) = &permitted {
        eprintln!("NOT COMPARED WITH LINUX: it takes no programs from us ({error}); run as root");
    }
    permitted.is_ok()
}

/// Holds what was found against the lines of the ledger of this kind. What a kernel refuses depends on its
/// version; what it does is the same in all.
fn compare_with_ledger(mut found: BTreeSet<String>, is_of_kind: impl Fn(&str) -> bool) {
    let version = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let is_known = version.starts_with("6.18.");
    let counts = |line: &str| is_known || line.ends_with(": differs");
    found.retain(|line| counts(line));
    let ledger = include_str!("linux.txt").lines();
    let ledger = ledger.filter(|line| !line.starts_with('#') && is_of_kind(line) && counts(line));
    let ledger: BTreeSet<String> = ledger.map(str::to_owned).collect();
    let new: Vec<_> = found.difference(&ledger).collect();
    let gone: Vec<_> = ledger.difference(&found).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "new: {new:#?}, gone: {gone:#?}"
    );
}

#[test]
fn linux_disagrees_where_the_ledger_says() {
    if !is_there() {
        return;
    }
    let mut found = BTreeSet::new();
    for file in FILES {
        // Of each operation, a part of its registers is enough; every program is run.
        let chosen = |(number, case): &(usize, Case)| {
            number.is_multiple_of(7) || case.name.starts_with(file)
        };
        for (_, case) in cases(file).into_iter().enumerate().filter(chosen) {
            if let Some(how) = disagreement(&case) {
                found.insert(format!("{file}: {}: {how}", case.subject));
            }
        }
    }
    compare_with_ledger(found, |line| !line.starts_with("sample "));
}

/// How the kernel runs a sample otherwise than machine code does, from fresh maps on, packet by packet.
fn runs_otherwise(image: &Image) -> Option<String> {
    let program = match linux::Loaded::new(image.code(), image.maps()) {
        Ok(program) => program,
        Err(why) => return Some(why),
    };
    // SAFETY: the verifier proved the samples to be safe, and so did the kernel.
    let mut compiled = unsafe { compile(image, &Options::default()) };
    for bytes in packets()
        .iter()
        .filter(|packet| packet.len() >= linux::SHORTEST)
    {
        let mut packet = Packet::new(bytes).unwrap();
        let mut environment = DeterministicEnvironment::new(1);
        let returned = compiled.run(&mut packet, &mut environment, both::FUEL);
        let left = program.run(bytes, 1).unwrap();
        if left.value != returned.unwrap().value as u32 || left.packet != packet.bytes() {
            return Some("differs".into());
        }
    }
    None
}

#[test]
#[ignore = "needs root and a machine that is not busy: under load, the kernel was seen to give another result once"]
fn linux_runs_samples_as_machine_code_does() {
    if !is_there() {
        return;
    }
    let mut found = BTreeSet::new();
    let mut images = programs("ebpf-samples/accept", &["accept"]);
    images.extend(programs("tests/loops", &["safe"]));
    for (source, image) in images {
        if let Some(how) = runs_otherwise(&image) {
            let name = Path::new(&source)
                .file_stem()
                .unwrap()
                .display()
                .to_string();
            found.insert(format!("sample {name}: {how}"));
        }
    }
    compare_with_ledger(found, |line| line.starts_with("sample "));
}
