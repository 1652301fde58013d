//! What stands beside the proof: fuel, frames, sealed code, refusals. Each test is a mistake that a
//! compiler of eBPF has made.
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

use core::cell::Cell;
use core::hint::black_box;
use std::fs;
use std::sync::{Mutex, MutexGuard};

use assembler::assemble;
use both::{Both, FUEL, compile};
use bpf_jit::{
    JitError, MachineCode, MachineMemory, MemoryError, Options, Program as Compiled, Reach,
    SealedCode,
};
use bpf_object::{Function, Image, ImageParts, LineTable};
use bpf_runtime::native::{Fast, ObjectMemory, ObjectMemorySource, Returned, StackMemory};
use bpf_runtime::{Environment, Fault, FaultCause, LoadError, Maps, Packet};
use code_memory::ProcessMemory;
use common::*;
use platform_click::{MapKind, ProgramKind};

/// Tests that look at the mappings of the process exclude those that change them: all of them.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn image(text: &str) -> Image {
    Program::new(assemble(text)).image()
}

fn compiled(image: &Image, options: &Options<'_>) -> Compiled {
    // SAFETY: every program here keeps to its memory, but for those whose test says otherwise.
    unsafe { compile(image, options) }
}

/// A run with a clock that always says 0.
fn run(program: &mut Compiled, fuel: u64) -> Result<Returned, Fault> {
    struct Nothing;
    impl Environment for Nothing {
        fn clock_ns(&mut self) -> u64 {
            0
        }
        fn random_u32(&mut self) -> u32 {
            0
        }
        fn trace(&mut self, _: &str) {}
    }
    program.run(&mut Packet::new(&[]).unwrap(), &mut Nothing, fuel)
}

fn refused(image: &Image) -> JitError {
    let maps = Maps::new(image.maps(), [1, 2]).unwrap();
    // SAFETY: it is refused.
    let program =
        unsafe { Compiled::unverified(image, &Options::default(), maps, &mut ProcessMemory) };
    program.unwrap_err()
}

/// Mappings of this process with these permissions.
fn mappings(permissions: &str) -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines()
        .filter(|line| line.contains(permissions))
        .count()
}

/// What this process has mapped for programs: bytes of guard areas, and mappings with machine code. The
/// areas beside stacks, values and data have 1 MiB each; those of threads, which come and go with other
/// tests, are smaller, and what the allocator keeps for a thread is larger.
fn mapped_for_programs() -> (u64, usize) {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let size = |line: &str| {
        let (from, to) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        let number = |text| u64::from_str_radix(text, 16).unwrap();
        number(to) - number(from)
    };
    let guards = maps
        .lines()
        .filter(|line| line.contains(" ---p 00000000 00:00"));
    let guards = guards
        .map(size)
        .filter(|size| (1 << 20..16 << 20).contains(size));
    (guards.sum(), mappings(" r-xp 00000000 00:00"))
}

#[test]
fn code_is_never_writable_and_executable_and_is_unmapped_on_drop() {
    let _alone = alone();
    assert_eq!(mappings(" rwxp "), 0);
    let before = mappings(" r-xp 00000000 00:00");
    let image = image("r0 = 7\nexit");
    let mut programs: Vec<_> = (0..3)
        .map(|_| compiled(&image, &Options::default()))
        .collect();
    for program in &mut programs {
        assert_eq!(run(program, 10).unwrap().value, 7);
    }
    // Adjacent pages are shown as one mapping.
    assert!(mappings(" r-xp 00000000 00:00") > before);
    assert_eq!((mappings(" rwxp "), mappings(" -wxp ")), (0, 0));
    drop(programs);
    assert_eq!(mappings(" r-xp 00000000 00:00"), before);
}

/// What machine code calls is part of the code, which nobody can write: no write of a program, however
/// wrong, changes where it goes.
#[test]
fn addresses_of_functions_are_in_the_sealed_code() {
    let _alone = alone();
    let program = compiled(
        &image("call 0x5\nr6 = r0\ncall 0x7d\nexit"),
        &Options::default(),
    );
    for function in [Fast::Clock, Fast::Any] {
        let address = function.address().to_le_bytes();
        let code = program.code().bytes();
        assert!(
            code.windows(8).any(|bytes| bytes == address),
            "{function:?}"
        );
    }
}

#[test]
fn the_stack_is_aligned_when_helpers_are_called() {
    /// As wide as the registers that compilers save and copy with.
    #[repr(align(16))]
    struct Aligned(Cell<u8>);

    struct Watch(Vec<usize>);
    impl Environment for Watch {
        fn clock_ns(&mut self) -> u64 {
            let local = Aligned(Cell::new(1));
            self.0.push(black_box(local.0.as_ptr()).addr() % 16);
            0
        }
        fn random_u32(&mut self) -> u32 {
            self.clock_ns();
            0
        }
        fn trace(&mut self, _: &str) {}
    }

    let _alone = alone();
    // Functions that save no register, one, two, three and four.
    for saved in 0..5 {
        let writes: String = (6..6 + saved).map(|r| format!("r{r} = 1\n")).collect();
        let text = format!(
            "{writes}call 0x5\ncall 0x7\ncall slot f\ncall 0x5\nr0 = 0\nexit\n\
             f:\n{writes}call 0x5\ncall slot g\nr0 = 0\nexit\n\
             g:\nr6 = 1\nr1 = r10\ncall 0x7\nr0 = 0\nexit"
        );
        let mut watch = Watch(Vec::new());
        let mut program = compiled(&image(&text), &Options::default());
        let ran = program.run(&mut Packet::empty(), &mut watch, FUEL);
        assert_eq!(ran.unwrap().value, 0);
        assert_eq!(watch.0, [0; 5], "{saved} registers");
    }
}

#[test]
fn jumps_reach_beyond_what_16_bits_can_say() {
    let _alone = alone();
    const FAR: usize = 40_000;
    let mut code = vec![mov(R0, 1), insn(0x06, 0, 0, 0, FAR as i32)];
    code.extend((0..FAR).map(|_| add(R0, 1)));
    // Behind them: once back to the first of them, then out.
    code.extend([
        insn(0x25, R0, 0, 2, 1), // if r0 > 1
        insn(0x06, 0, 0, 0, -(FAR as i32) - 2),
        exit(),
        exit(),
    ]);
    let image = Program::new(code).image();
    // SAFETY: it accesses nothing.
    let mut both = unsafe { Both::new(&image, &Options::default()) };
    assert_eq!(both.run(&[], FUEL).unwrap().value, 1 + FAR as u64);
}

#[test]
fn blocks_that_jump_back_are_charged_for_their_instructions_and_calls_for_one() {
    let _alone = alone();
    let text = "r1 = 10\nagain:\nr1 += -1\nr2 = 5\nif r1 != 0 goto again\nr0 = 0\nexit";
    let mut program = compiled(&image(text), &Options::default());
    assert_eq!(run(&mut program, 30).unwrap().fuel, 30);
    let fault = run(&mut program, 29).unwrap_err();
    assert_eq!(fault.cause, FaultCause::OutOfFuel { fuel: 29 });
    assert_eq!(fault.slot, 3);
    assert_eq!(
        run(&mut program, 30).unwrap().fuel,
        30,
        "nothing is left of the fault"
    );

    let text = "r6 = 3\nagain:\ncall slot f\nr6 += -1\nif r6 != 0 goto again\nr0 = 0\nexit\n\
                f:\nr0 = 0\nexit";
    let mut program = compiled(&image(text), &Options::default());
    assert_eq!(run(&mut program, FUEL).unwrap().fuel, 3 * (1 + 2));
    assert_eq!(run(&mut program, 0).unwrap_err().slot, 1);
    let straight = image("r0 = 1\ngoto on\non:\nexit");
    assert_eq!(
        run(&mut compiled(&straight, &Options::default()), 0)
            .unwrap()
            .fuel,
        0
    );
}

#[test]
fn every_endless_program_stops() {
    let _alone = alone();
    for text in [
        "again:\ngoto again",
        "r1 = 1\nagain:\nif r1 == 1 goto again\nr0 = 0\nexit",
        "goto b\na:\ngoto b\nb:\ngoto a",
        "r1 = 0\nagain:\ncall 0x5\ngoto again",
        "again:\ncall slot f\ngoto again\nf:\ncall slot g\nexit\ng:\ninside:\nr1 = 0\ngoto inside",
    ] {
        let fault = run(&mut compiled(&image(text), &Options::default()), 1_000).unwrap_err();
        assert_eq!(fault.cause, FaultCause::OutOfFuel { fuel: 1_000 }, "{text}");
    }
}

/// A run that is stopped in the eighth frame comes back with the machine's stack in order.
#[test]
fn a_program_can_be_stopped_in_any_frame() {
    let _alone = alone();
    let mut text = String::from("r6 = 1\ncall slot f1\nexit\n");
    for depth in 1..7 {
        text += &format!(
            "f{depth}:\nr6 = 1\nr7 = 2\ncall slot f{}\nexit\n",
            depth + 1
        );
    }
    text += "f7:\nr8 = 3\nagain:\ngoto again\n";
    let mut program = compiled(&image(&text), &Options::default());
    for _ in 0..100 {
        let fault = run(&mut program, 50).unwrap_err();
        assert_eq!(fault.cause, FaultCause::OutOfFuel { fuel: 50 });
    }
}

#[test]
fn chains_of_calls_longer_than_the_frames_are_refused() {
    let _alone = alone();
    let chain = |last: usize| {
        let mut text = String::from("call slot f1\nexit\n");
        for depth in 1..last {
            text += &format!("f{depth}:\ncall slot f{}\nexit\n", depth + 1);
        }
        text + &format!("f{last}:\nr0 = 3\nexit\n")
    };
    assert_eq!(
        run(&mut compiled(&image(&chain(7)), &Options::default()), 50)
            .unwrap()
            .value,
        3
    );
    for text in [chain(8), "call slot f\nexit\nf:\ncall slot f\nexit".into()] {
        let error = refused(&image(&text));
        assert!(matches!(error, JitError::CallDepth { .. }), "{error}");
        assert_eq!(error.code().id, "BPF-J002");
    }
    // A call that was proved to be out of reach is none.
    let endless =
        image("call slot f\nexit\nf:\nr0 = 1\nif r0 == 1 goto out\ncall slot f\nout:\nexit");
    let options = Options {
        reach: &Without(4),
        ..Options::default()
    };
    assert_eq!(run(&mut compiled(&endless, &options), 50).unwrap().value, 1);
}

/// Everything is in reach but the instruction in one slot.
#[derive(Debug)]
struct Without(u32);

impl Reach for Without {
    fn reachable(&self, slot: u32) -> bool {
        slot != self.0
    }
    fn taken(&self, _: u32) -> bool {
        true
    }
    fn passed(&self, _: u32) -> bool {
        true
    }
}

/// A conditional jump is taken or passed, never the other.
#[derive(Debug)]
struct Always {
    slot: u32,
    taken: bool,
}

impl Reach for Always {
    fn reachable(&self, _: u32) -> bool {
        true
    }
    fn taken(&self, slot: u32) -> bool {
        slot != self.slot || self.taken
    }
    fn passed(&self, slot: u32) -> bool {
        slot != self.slot || !self.taken
    }
}

#[test]
fn what_was_proved_to_be_out_of_reach_stops_the_program() {
    let _alone = alone();
    let image =
        image("r0 = *(u32 *)(r1 + 20)\nif r0 == 0 goto zero\nr0 = 1\nexit\nzero:\nr0 = 2\nexit");
    let outcome = |reach: &dyn Reach| {
        let options = Options {
            reach,
            ..Options::default()
        };
        run(&mut compiled(&image, &options), 9).map(|returned| returned.value)
    };
    let stopped = |slot| {
        Err(Fault {
            slot,
            cause: FaultCause::Unreachable,
        })
    };
    assert_eq!(outcome(&Without(2)), Ok(2));
    assert_eq!(outcome(&Without(4)), stopped(4));
    assert_eq!(
        outcome(&Always {
            slot: 1,
            taken: true
        }),
        Ok(2)
    );
    assert_eq!(
        outcome(&Always {
            slot: 1,
            taken: false
        }),
        stopped(1)
    );
    let FaultCause::Unreachable = outcome(&Without(0)).unwrap_err().cause else {
        panic!("the first instruction was executed");
    };
}

/// What a verifier would have refused stops at the helper: pointers to nothing, numbers for maps.
#[test]
fn helpers_follow_only_pointers_to_what_the_program_has() {
    let _alone = alone();
    let run_with_maps = |text: &str| {
        let program = Program::new(assemble(text))
            .map("hash", MapKind::Hash, 8, 8, 4)
            .map("odd", MapKind::Hash, 3, 8, 4);
        // SAFETY: what the program gets wrong are arguments, which helpers check.
        run(&mut compiled(&program.image(), &Options::default()), 9)
    };
    for key in [
        "r2 = 0",
        "r2 = 0x7fffffffffff ll",
        "r2 = r10",
        "r2 = r1",
        "r2 = r10\nr2 += -4099",
    ] {
        for map in ["r1 = map[0] ll", "r1 = map[1] ll"] {
            let fault =
                run_with_maps(&format!("{map}\n{key}\ncall 0x1\nr0 = 0\nexit")).unwrap_err();
            assert!(
                matches!(fault.cause, FaultCause::Unmapped { .. }),
                "{key}: {fault}"
            );
        }
    }
    for map in ["r1 = 0", "r1 = 0x802", "r1 = r10", "r1 = 0x7ff"] {
        let text = format!("{map}\nr2 = r10\nr2 += -8\n*(u64 *)(r10 - 8) = 0\ncall 0x3\nexit");
        let fault = run_with_maps(&text).unwrap_err();
        assert!(
            matches!(fault.cause, FaultCause::NotAMap { .. }),
            "{map}: {fault}"
        );
    }
}

#[test]
fn programs_that_the_platform_does_not_take_are_refused() {
    let _alone = alone();
    let unknown = refused(&image("call 0x19\nexit"));
    assert!(matches!(
        unknown,
        JitError::Load(LoadError::UnknownHelper { slot: 0, id: 0x19 })
    ));
    let mut filter = Program::new(assemble("r1 = 0\nr2 = 0\ncall 0x3c\nexit"));
    filter.kind = ProgramKind::Filter;
    let kind = refused(&filter.image());
    assert!(matches!(
        kind,
        JitError::Load(LoadError::HelperKind { slot: 2, .. })
    ));
}

/// Everything that a file can get wrong ends before there is code: with a code and a place, and with
/// nothing left behind.
#[test]
fn bad_programs_are_refused_and_leave_nothing_behind() {
    let _alone = alone();
    let mut running = compiled(&image("r0 = 1\nexit"), &Options::default());
    let before = mapped_for_programs();
    for (what, text, place) in [
        (
            "an unknown opcode",
            "r0 = 0\nraw 8f 00 00 00 00 00 00 00\nexit",
            "slot 1",
        ),
        (
            "a reserved field",
            "raw b7 00 01 00 00 00 00 00\nexit",
            "slot 0",
        ),
        (
            "a reserved register",
            "raw 87 10 00 00 00 00 00 00\nexit",
            "slot 0",
        ),
        (
            "a register that there is not",
            "raw b7 0b 00 00 00 00 00 00\nexit",
            "slot 0",
        ),
        (
            "half a wide load",
            "r0 = 0\nraw 18 00 00 00 00 00 00 00",
            "slot 1",
        ),
        (
            "a jump into a wide load",
            "raw 05 00 01 00 00 00 00 00\nr0 = 1 ll\nexit",
            "slot 0",
        ),
        (
            "a jump behind the end",
            "r0 = 0\nraw 05 00 05 00 00 00 00 00",
            "slot 1",
        ),
        (
            "a jump before the start",
            "raw 05 00 f0 ff 00 00 00 00\nexit",
            "slot 0",
        ),
        ("no exit", "r0 = 0\nr1 = 0", "slot 1"),
        (
            "a branch at the end",
            "r0 = 0\nexit\nraw 15 00 fd ff 00 00 00 00",
            "slot 2",
        ),
        (
            "a call behind the end",
            "r0 = 0\nraw 85 10 00 00 70 00 00 00\nexit",
            "slot 1",
        ),
        (
            "a call of a register",
            "raw 8d 00 00 00 01 00 00 00\nexit",
            "slot 0",
        ),
    ] {
        let refused = Image::new(ImageParts {
            kind: ProgramKind::Filter,
            code: assemble(text),
            functions: vec![Function {
                name: "f".into(),
                start: 0,
            }],
            maps: Vec::new(),
            data: Vec::new(),
            lines: LineTable::default(),
        });
        let error = refused.unwrap_err();
        assert!(error.to_string().contains(place), "{what}: {error}");
        assert!(error.code().id.starts_with("BPF-O"), "{what}");
    }
    // Each of these maps is allowed, all together are not.
    let mut large = Program::new(assemble("r0 = 1\nexit"));
    for number in 0..5 {
        large = large.map(&format!("m{number}"), MapKind::Array, 4, 60, 1 << 20);
    }
    let error = Maps::new(large.image().maps(), [1, 2]).unwrap_err();
    assert_eq!(error.code().id, "BPF-R009", "{error}");
    assert_eq!(mapped_for_programs(), before);
    assert_eq!(run(&mut running, 5).unwrap().value, 1);
}

/// A process without memory for code, and with little for anything else.
#[derive(Debug)]
struct Poor {
    stacks: usize,
    objects: usize,
}

impl MachineMemory for Poor {
    fn seal(&mut self, code: &MachineCode) -> Result<Box<dyn SealedCode>, MemoryError> {
        Err(MemoryError {
            purpose: "machine code",
            bytes: code.bytes().len(),
            errno: 12,
        })
    }

    fn stack(&mut self) -> Result<Box<dyn StackMemory>, MemoryError> {
        self.stacks = self.stacks.checked_sub(1).ok_or(MemoryError {
            purpose: "the stack",
            bytes: 4096,
            errno: 12,
        })?;
        ProcessMemory.stack()
    }
}

impl ObjectMemorySource for Poor {
    fn objects(&mut self, len: usize) -> Option<Box<dyn ObjectMemory>> {
        self.objects = self.objects.checked_sub(1)?;
        ProcessMemory.objects(len)
    }
}

#[test]
fn nothing_leaks_when_there_is_no_memory_for_values_or_data() {
    let _alone = alone();
    let before = mapped_for_programs();
    let program = Program::new(assemble("r0 = 1\nexit")).data(".data", &[7; 9], true);
    let image = program.image();
    // The context and the data.
    for (objects, len) in [(0, 40), (1, 9)] {
        let maps = Maps::new(image.maps(), [1, 2]).unwrap();
        let mut memory = Poor { stacks: 1, objects };
        // SAFETY: it accesses nothing.
        let error = unsafe { Compiled::unverified(&image, &Options::default(), maps, &mut memory) };
        let error = error.unwrap_err();
        assert_eq!(error, JitError::Load(LoadError::OutOfMemory(len)));
        assert_eq!(error.code().id, "BPF-R009");
    }
    let mut memory = Poor {
        stacks: 0,
        objects: 0,
    };
    let program = program.map("values", MapKind::Array, 4, 8, 2);
    let error = Maps::new_in(program.image().maps(), [1, 2], &mut memory).unwrap_err();
    assert_eq!(error.code().id, "BPF-R009");
    assert_eq!(mapped_for_programs(), before);
}

#[test]
fn nothing_leaks_when_there_is_no_memory_for_code() {
    let _alone = alone();
    let image = image("r0 = 1\nexit");
    let mut running = compiled(&image, &Options::default());
    let before = mapped_for_programs();
    assert!(before.0 > 0 && before.1 > 0, "of the program that runs");
    for stacks in [0, 1] {
        let maps = Maps::new(image.maps(), [1, 2]).unwrap();
        let mut memory = Poor { stacks, objects: 1 };
        // SAFETY: it accesses nothing.
        let error = unsafe { Compiled::unverified(&image, &Options::default(), maps, &mut memory) };
        let error = error.unwrap_err();
        assert!(
            matches!(error, JitError::Memory(MemoryError { errno: 12, .. })),
            "{error}"
        );
        assert_eq!(error.code().id, "BPF-J003");
    }
    assert_eq!(mapped_for_programs(), before);
    assert_eq!(run(&mut running, 5).unwrap().value, 1);
}

#[test]
fn maps_survive_a_program_that_is_replaced() {
    let _alone = alone();
    let program = Program::new(assemble(
        "*(u64 *)(r10 - 8) = 1\nr1 = map[0] ll\nr2 = r10\nr2 += -8\ncall 0x1\n\
         if r0 == 0 goto none\nr1 = 1\nlock *(u64 *)(r0 + 0) += r1\nr0 = *(u64 *)(r0 + 0)\nnone:\nexit",
    ))
    .map("counts", MapKind::Array, 4, 8, 3);
    let image = program.image();
    let mut old = compiled(&image, &Options::default());
    for count in 1..4 {
        assert_eq!(run(&mut old, 9).unwrap().value, count);
    }
    let mut new = compiled(&image, &Options::default());
    new.adopt_maps(&mut old).unwrap();
    assert_eq!(run(&mut new, 9).unwrap().value, 4);
    assert_eq!(run(&mut old, 9).unwrap().value, 1);
    assert_eq!(
        new.maps()
            .by_name("counts")
            .unwrap()
            .lookup(&[1, 0, 0, 0])
            .unwrap(),
        4_u64.to_le_bytes()
    );
}

/// As the dataplane replaces programs: compiled in one thread, run in another, and given back piece by
/// piece.
#[test]
fn programs_change_threads_and_give_their_maps_away() {
    let _alone = alone();
    let program = Program::new(assemble(
        "*(u64 *)(r10 - 8) = 0\nr1 = map[0] ll\nr2 = r10\nr2 += -8\ncall 0x1\n\
         if r0 == 0 goto none\nr1 = 1\nlock *(u64 *)(r0 + 0) += r1\nr0 = *(u64 *)(r0 + 0)\nnone:\nexit",
    ))
    .map("counts", MapKind::Array, 4, 8, 1);
    let image = program.image();
    let compile = || {
        std::thread::scope(|scope| {
            let compiling = scope.spawn(|| compiled(&image, &Options::default()));
            compiling.join().unwrap()
        })
    };
    let mut old = compile();
    assert_eq!(run(&mut old, 9).unwrap().value, 1);
    let (mut maps, spent) = old.into_maps();
    let mut new = compile();
    new.adopt_maps_from(&mut maps).unwrap();
    drop(spent);
    assert_eq!(run(&mut new, 9).unwrap().value, 2);
}

/// Constants that a program chooses are not found in its code.
#[test]
fn blinding_hides_constants() {
    let _alone = alone();
    let image = image(
        "r0 = 0x11223344\nr0 ^= 0x55667788\nr2 = 0x1122334455667788 ll\nr0 += r2\n\
         *(u64 *)(r10 - 8) = 0x12345678\nif r0 == 0x23456789 goto on\non:\nexit",
    );
    let contains = |code: &[u8], constant: u32| {
        let bytes = constant.to_le_bytes();
        code.windows(4).any(|window| window == bytes)
    };
    let options = Options {
        blinding: Some(99),
        ..Options::default()
    };
    let [plain, mut blinded] =
        [Options::default(), options].map(|options| compiled(&image, &options));
    for constant in [0x1122_3344, 0x5566_7788, 0x1234_5678, 0x2345_6789] {
        assert!(contains(plain.code().bytes(), constant), "{constant:#x}");
        assert!(!contains(blinded.code().bytes(), constant), "{constant:#x}");
    }
    let value = (0x1122_3344_u64 ^ 0x5566_7788) + 0x1122_3344_5566_7788;
    assert_eq!(run(&mut blinded, 9).unwrap().value, value);
}

#[test]
fn a_program_that_returns_a_number_is_two_instructions() {
    let image = image("r0 = 2\nexit");
    let code = bpf_jit::compile(&image, &Options::default()).unwrap();
    assert!(
        code.bytes().starts_with(&[0xb8, 2, 0, 0, 0, 0xc3]),
        "{:x?}",
        code.bytes()
    );
    assert_eq!(code.slots(), [0, 5]);
}
