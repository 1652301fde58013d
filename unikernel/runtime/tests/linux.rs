//! The kernel that runs as judge: the same program does the same operations on its maps and on ours.
//!
//! Needs root, `bpftool` and `clang-19`:
//! `cargo test --release -p bpf-runtime --test linux -- --ignored`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bpf_object::{Object, ParseOptions};
use bpf_runtime::{DeterministicEnvironment, Instance, Maps, Packet};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

/// Sequences of operations, each on fresh maps, and operations of one. A call of the kernel takes
/// two or three milliseconds.
const SEQUENCES: usize = 10;
const OPERATIONS: usize = 150;

/// `struct operation` of `linux/operations.c`, as the packet holds it.
#[derive(Clone, Copy, Debug)]
struct Operation {
    what: u32,
    map: u32,
    flags: u64,
    key: [u8; 8],
    value: [u8; 8],
}

impl Operation {
    const SIZE: usize = 48;

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.what.to_le_bytes().to_vec();
        bytes.extend(self.map.to_le_bytes());
        bytes.extend(self.flags.to_le_bytes());
        bytes.extend(self.key);
        bytes.extend(self.value);
        bytes.resize(Self::SIZE, 0);
        bytes
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Compiles the program for Linux, or for Click.
fn compile(folder: &Path, for_linux: bool) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let object = folder.join(if for_linux { "linux.o" } else { "click.o" });
    let mut clang = Command::new("clang-19");
    clang.args([
        "-target", "bpf", "-mcpu=v3", "-O2", "-g", "-Wall", "-Werror",
    ]);
    if for_linux {
        // Where Debian has `asm/types.h`.
        clang.args(["-DLINUX", "-I/usr/include/x86_64-linux-gnu"]);
    }
    clang.arg("-I").arg(here.join("../../ebpf-samples/include"));
    clang.arg("-c").arg(here.join("tests/linux/operations.c"));
    run(clang.arg("-o").arg(&object));
    object
}

/// The program in the kernel, with maps of its own, until it is dropped.
struct Kernel {
    folder: PathBuf,
}

impl Kernel {
    fn new(folder: &Path, object: &Path) -> Self {
        let mounted = folder.join("bpf");
        fs::create_dir_all(&mounted).unwrap();
        run(Command::new("mount")
            .args(["-t", "bpf", "bpf"])
            .arg(&mounted));
        let kernel = Self {
            folder: folder.into(),
        };
        let mut load = Command::new("bpftool");
        load.args(["prog", "load"])
            .arg(object)
            .arg(mounted.join("op"));
        run(load.args(["type", "xdp"]));
        kernel
    }

    /// Runs the program on one CPU, whose values per-CPU maps have.
    fn run(&self, packet: &[u8]) -> Vec<u8> {
        let (input, output) = (self.folder.join("in"), self.folder.join("out"));
        fs::write(&input, packet).unwrap();
        let mut bpftool = Command::new("taskset");
        bpftool.args(["-c", "0", "bpftool", "prog", "run", "pinned"]);
        bpftool.arg(self.folder.join("bpf/op"));
        bpftool.arg("data_in").arg(&input);
        run(bpftool.arg("data_out").arg(&output));
        fs::read(&output).unwrap()
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        let mounted = self.folder.join("bpf");
        let _ = Command::new("umount").arg(mounted).status();
    }
}

fn ours(object: &Path) -> Instance {
    let object = Object::parse(&fs::read(object).unwrap(), ParseOptions::default()).unwrap();
    let image = object.link(&object.programs()[0]).unwrap();
    Instance::new(&image, Maps::new(image.maps(), [1, 2]).unwrap()).unwrap()
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let flags = prop_oneof![6 => 0..4_u64, 1 => Just(8), 1 => any::<u64>()];
    let keyed = (
        0..3_u32,
        0..6_u32,
        flags.clone(),
        0..6_u8,
        0..34_u32,
        any::<u64>(),
    );
    let keyed = keyed.prop_map(|(what, map, flags, number, length, value)| {
        let mut key = [0; 8];
        key[0] = number;
        if map == 5 {
            // A length in bits, and data in which few bits differ.
            key[..4].copy_from_slice(&length.to_le_bytes());
            key[4..].copy_from_slice(&[10, number & 1, number >> 1 << 6, number << 5]);
        }
        Operation {
            what,
            map,
            flags,
            key,
            value: value.to_le_bytes(),
        }
    });
    let queue = (0..3_u32, 6..8_u32, flags, any::<u64>());
    let queue = queue.prop_map(|(what, map, flags, value)| Operation {
        what,
        map,
        flags,
        key: [0; 8],
        value: value.to_le_bytes(),
    });
    let record = (0..6_u32, 0..=256_u64).prop_map(|(what, flags)| Operation {
        what,
        map: 8,
        flags,
        key: [0; 8],
        value: [7; 8],
    });
    let checksum = (
        any::<u32>(),
        0..9_u64,
        0..9_u64,
        any::<[u8; 8]>(),
        any::<[u8; 8]>(),
    );
    let checksum = checksum.prop_map(|(seed, from, to, key, value)| Operation {
        what: seed,
        map: 9,
        flags: from | to << 8,
        key,
        value,
    });
    let one = prop_oneof![8 => keyed, 4 => queue, 2 => record, 1 => checksum];
    prop::collection::vec(one, OPERATIONS)
}

#[test]
#[ignore = "needs root, bpftool and clang-19"]
fn maps_and_helpers_do_what_the_kernel_does() {
    let folder = std::env::temp_dir().join(format!("bpf-runtime-linux-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (linux, click) = (compile(&folder, true), compile(&folder, false));
    let mut runner = TestRunner::default();
    for _ in 0..SEQUENCES {
        let sequence = operations().new_tree(&mut runner).unwrap().current();
        let kernel = Kernel::new(&folder, &linux);
        let mut instance = ours(&click);
        for (number, operation) in sequence.iter().enumerate() {
            let mut packet = Packet::new(&operation.bytes()).unwrap();
            let mut environment = DeterministicEnvironment::new(1);
            instance.run(&mut packet, &mut environment, 10_000).unwrap();
            let want = kernel.run(&operation.bytes());
            assert_eq!(
                packet.bytes(),
                want,
                "operation {number}: {operation:?}, before it: {:?}",
                &sequence[..number]
            );
        }
    }
    fs::remove_dir_all(&folder).unwrap();
}
