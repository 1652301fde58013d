//! Accesses that the machine refuses stop the program, and nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

mod assembler;
mod both;
#[path = "../../runtime/tests/common/mod.rs"]
mod common;

use assembler::assemble;
use bpf_jit::{Options, Program as Compiled};
use bpf_runtime::{DeterministicEnvironment, Fault, FaultCause, Packet};
use common::*;
use platform_click::MapKind;

fn program(text: &str) -> Compiled {
    let program = Program::new(assemble(text)).map("array", MapKind::Array, 4, 8, 4);
    // SAFETY: none of the programs can reach anything: that is what is tested.
    unsafe { both::compile(&program.image(), &Options::default()) }
}

fn run(program: &mut Compiled) -> Result<u64, Fault> {
    let mut packet = Packet::new(&[1, 2, 3]).unwrap();
    let mut environment = DeterministicEnvironment::new(1);
    let returned = program.run(&mut packet, &mut environment, 1_000)?;
    Ok(returned.value)
}

/// The slot and the address at which a program is stopped.
fn refused(text: &str) -> (u32, u64) {
    refused_in(program(text), text)
}

fn refused_in(mut program: Compiled, text: &str) -> (u32, u64) {
    let faults: Vec<Fault> = (0..100).map(|_| run(&mut program).unwrap_err()).collect();
    assert!(faults.windows(2).all(|pair| pair[0] == pair[1]), "{text}");
    match faults[0].cause {
        FaultCause::Refused { address } => (faults[0].slot, address),
        other => panic!("{text}: {other}"),
    }
}

#[test]
fn null_and_what_lies_behind_it() {
    assert_eq!(refused("r1 = 0\nr0 = *(u64 *)(r1 + 0)\nexit"), (1, 0));
    assert_eq!(
        refused("r1 = 0\n*(u8 *)(r1 + 100) = 1\nr0 = 0\nexit"),
        (1, 100)
    );
    // A failed lookup plus an offset that passes for a value.
    let lookup = "*(u32 *)(r10 - 4) = 9\nr1 = map[0] ll\nr2 = r10\nr2 += -4\ncall 0x1\n\
                  r0 += 0x180000\nif r0 == 0 goto none\nr0 = *(u32 *)(r0 + 0)\nnone:\nexit";
    assert_eq!(refused(lookup), (8, 0x18_0000));
    assert_eq!(refused("r1 = -1\nr0 = *(u8 *)(r1 - 8)\nexit").0, 1);
    // No address at all: neither half of the address space.
    assert_eq!(
        refused("r1 = 0x8000000000000000 ll\nr0 = *(u8 *)(r1 + 0)\nexit").0,
        2
    );
}

#[test]
fn a_map_is_no_memory() {
    assert_eq!(
        refused("r1 = map[0] ll\nr0 = *(u64 *)(r1 + 0)\nexit"),
        (2, 0x800)
    );
}

/// What comes behind the 40 bytes of the context cannot be accessed, and before them lie the 4056 bytes of
/// its page that belong to nobody: what machine code and the runtime keep for a run is out of reach.
#[test]
fn the_context_lies_between_what_cannot_be_accessed() {
    for offset in [
        40,
        41,
        4096,
        32_767,
        1 << 16,
        (1 << 20) - 1,
        -4057,
        -32_768,
        -(1 << 16),
        -(1 << 20),
    ] {
        for access in ["*(u8 *)(r1 + 0) = 1", "r0 = *(u8 *)(r1 + 0)"] {
            let text = format!("r1 += {offset}\n{access}\nr0 = 0\nexit");
            assert_eq!(refused(&text).0, 1, "{offset}");
        }
    }
    // Across its end.
    assert_eq!(refused("*(u64 *)(r1 + 33) = 0\nr0 = 0\nexit").0, 0);
    let whole = "*(u64 *)(r1 + 32) = 7\nr0 = *(u8 *)(r1 + 39)\nexit";
    assert_eq!(run(&mut program(whole)), Ok(0));
}

#[test]
fn frames_lie_between_what_cannot_be_accessed() {
    for offset in [0, 1, 4096, 32_000] {
        let text = format!("r0 = *(u8 *)(r10 + {offset})\nexit");
        assert_eq!(refused(&text).0, 0);
        let below = -4096 - offset - 1;
        assert_eq!(
            refused(&format!(
                "r1 = r10\nr1 += {below}\n*(u8 *)(r1 + 0) = 1\nexit"
            ))
            .0,
            2
        );
    }
    let callee = "call slot f\nexit\nf:\n*(u8 *)(r10 + 512) = 1\nr0 = 0\nexit";
    assert_eq!(refused(callee).0, 2);
}

/// Four values of 8 bytes end where nothing is, and the page in which they lie begins 4064 bytes before
/// the first: what lies between belongs to nobody.
#[test]
fn values_of_maps_lie_between_what_cannot_be_accessed() {
    let text = |key: u32, offset: i32| {
        format!(
            "*(u32 *)(r10 - 4) = {key}\nr1 = map[0] ll\nr2 = r10\nr2 += -4\ncall 0x1\n\
             r0 += {offset}\n*(u8 *)(r0 + 0) = 1\nexit"
        )
    };
    for (key, offset) in [
        (3, 8),
        (3, 4096),
        (3, 1 << 16),
        (3, (1 << 20) + 7),
        (0, -4065),
        (0, -(1 << 16)),
        (0, -4064 - (1 << 20)),
    ] {
        assert_eq!(refused(&text(key, offset)).0, 7, "{key} {offset}");
    }
    // Each kind of map that programs have pointers into, wherever it puts a value.
    for kind in [
        MapKind::Hash,
        MapKind::LruHash,
        MapKind::PercpuHash,
        MapKind::PercpuArray,
        MapKind::LpmTrie,
    ] {
        let key_size = if kind == MapKind::LpmTrie { 8 } else { 4 };
        for offset in [4096, 32_767, 1 << 20, -4096, -(1 << 20)] {
            let text = format!(
                "*(u64 *)(r10 - 8) = 0\nr1 = map[0] ll\nr2 = r10\nr2 += -8\ncall 0x1\n\
                 if r0 == 0 goto none\nr0 += {offset}\n*(u64 *)(r0 + 0) = 1\nnone:\nr0 = 0\nexit"
            );
            let program = Program::new(assemble(&text)).map("m", kind, key_size, 8, 4);
            // SAFETY: what the program cannot reach is tested.
            let mut program = unsafe { both::compile(&program.image(), &Options::default()) };
            let key = vec![0; key_size as usize];
            program.update(0, &key, &[7; 8], 0).unwrap();
            assert_eq!(refused_in(program, &text).0, 8, "{kind} {offset}");
        }
    }
}

#[test]
fn data_lies_between_what_cannot_be_accessed() {
    for (offset, allowed) in [
        (0, true),
        (39, true),
        (40, false),
        (4095, false),
        (1 << 20, false),
        (-4096, false),
        (-(1 << 20), false),
    ] {
        let text = format!("r1 += {offset}\n*(u8 *)(r1 + 0) = 1\nr0 = 0\nexit");
        let code = [data(1, 0, 0).to_vec(), assemble(&text)].concat();
        let program = Program::new(code).data(".data", &[5; 40], true);
        // SAFETY: what the program cannot reach is tested.
        let mut program = unsafe { both::compile(&program.image(), &Options::default()) };
        if allowed {
            assert_eq!(run(&mut program), Ok(0), "{offset}");
        } else {
            assert_eq!(refused_in(program, &text).0, 3, "{offset}");
        }
    }
}

#[test]
fn in_a_function_with_registers_of_its_own_and_in_every_kind_of_access() {
    let functions = "r6 = 1\nr7 = 2\nr8 = 3\nr9 = 4\ncall slot f\nexit\n\
                     f:\nr6 = 0\nr7 = 0\ncall slot g\nexit\ng:\nr8 = 0\nr9 = 0\n\
                     r0 = *(u8 *)(r8 + 5)\nexit";
    assert_eq!(refused(functions), (12, 5));
    for access in [
        "r0 = *(u16 *)(r1 + 3)",
        "r0 = *(s32 *)(r1 + 3)",
        "*(u64 *)(r1 + 3) = r1",
        "*(u16 *)(r1 + 3) = 7",
        "lock *(u64 *)(r1 + 3) += r1",
        "r1 = atomic_fetch_or((u64 *)(r1 + 3), r1)",
        "w2 = xchg32_32(r1 + 3, w2)",
        "r0 = cmpxchg_64(r1 + 3, r0, r1)",
    ] {
        assert_eq!(
            refused(&format!("r1 = 0\n{access}\nr0 = 0\nexit")),
            (1, 3),
            "{access}"
        );
    }
}

/// The same code runs on as if nothing had been, and so does every other.
#[test]
fn a_program_that_was_stopped_can_run_again() {
    let text = "r2 = *(u64 *)(r1 + 0)\nr3 = *(u8 *)(r2 + 0)\nif r3 == 1 goto fine\n\
                r2 = 0\nfine:\nr0 = *(u8 *)(r2 + 2)\nexit";
    let mut program = program(text);
    for byte in [1, 0, 1, 0, 1] {
        let mut packet = Packet::new(&[byte, 2, 3]).unwrap();
        let ran = program.run(&mut packet, &mut DeterministicEnvironment::new(1), 1_000);
        match byte {
            1 => assert_eq!(ran.unwrap().value, 3),
            _ => assert_eq!(ran.unwrap_err().cause, FaultCause::Refused { address: 2 }),
        }
    }
}

/// Threads do not disturb each other.
#[test]
fn several_threads_at_once() {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(refused("r1 = 8\nr0 = *(u64 *)(r1 + 8)\nexit"), (1, 16));
                }
            });
        }
    });
}

#[test]
fn the_lowest_addresses_are_never_mapped() {
    drop(program("r0 = 0\nexit"));
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let first = maps.lines().next().unwrap();
    let (range, rest) = first.split_once(' ').unwrap();
    let (start, end) = range.split_once('-').unwrap();
    let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
    assert!(
        start <= 0x1_0000 && end >= 1 << 20 && rest.starts_with("---p"),
        "{first}"
    );
}

/// A fault of anything else ends the process, as it did before.
#[test]
fn other_faults_are_left_to_the_process() {
    use std::os::unix::process::ExitStatusExt as _;
    const CRASH: &str = "BPF_JIT_TEST_CRASH";
    if std::env::var_os(CRASH).is_some() {
        refused("r1 = 0\nr0 = *(u8 *)(r1 + 0)\nexit");
        // SAFETY: none; the process is to end here.
        unsafe {
            core::ptr::null_mut::<u8>()
                .wrapping_add(64)
                .write_volatile(1)
        };
    }
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "other_faults_are_left_to_the_process"]);
    let output = child.env(CRASH, "1").output().unwrap();
    assert_eq!(output.status.signal(), Some(11), "{output:?}");
}
