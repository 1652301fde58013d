//! What programs take per packet: our machine code beside C that clang compiled for this machine, the
//! JIT and the interpreter of rbpf, uBPF's JIT if there is one ([`ubpf`]), the kernel's for root
//! ([`kernel`]), and our interpreter, all in one run.
//!
//! Everybody gets the same packets and the same maps, and prepares the context for each packet; the
//! verdicts are compared before anything is timed. Time is that of the thread on one processor, and
//! contenders take turns, so that other processes disturb all alike. What counts is the turn that a tenth
//! of a contender's turns were faster than: others only add to it.
//!
//! Needs clang 19 (`CLANG` names another) and writes into a temporary folder. `PLOT` names a file for the
//! ratios as a picture, `DUMP` a folder for the machine code of each program (`objdump -D -b binary
//! -m i386:x86-64`). Without `CARGO_INCREMENTAL`: it keeps the compiler from inlining across crates, and
//! then a run takes 9 ns more.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark fails by panicking, and prints"
)]

mod kernel;
mod plot;
mod ubpf;

use core::ffi::{CStr, c_void};
use core::panic::AssertUnwindSafe;
use std::ffi::CString;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use bpf_jit::{Options, Program, compile};
use bpf_object::{Image, Insn, Object, ParseOptions, RawInsn, Wide};
use bpf_runtime::{Environment, Instance, Maps, Packet};
use code_memory::ProcessMemory;
use platform_click::{HelperId, PacketContext};

const FUEL: u64 = 1 << 20;

/// Packets of a set: few enough for the first cache.
const PACKETS: usize = 128;

/// Times that each contender has its turn.
const TURNS: usize = 101;

/// Nanoseconds of a turn, about.
const TURN_NS: u64 = 1_000_000;

/// Whoever is compared with native code.
const PEERS: [&str; 5] = ["jit", "rbpf jit", "ubpf jit", "interpreter", "rbpf interp"];

/// A clock that advances by so much each time that it is read.
struct Clock {
    now: u64,
    step: u64,
}

impl Environment for Clock {
    fn clock_ns(&mut self) -> u64 {
        self.now += self.step;
        self.now
    }
    fn random_u32(&mut self) -> u32 {
        4
    }
    fn trace(&mut self, _: &str) {}
}

/// What the functions that C and rbpf call work on; one contender at a time.
struct World {
    maps: Maps,
    clock: Clock,
}

static mut WORLD: *mut World = core::ptr::null_mut();

fn world() -> &'static mut World {
    // SAFETY: the benchmark has one thread.
    let world = unsafe { WORLD };
    // SAFETY: whoever runs set the pointer to what outlives the run, and each function uses it once
    // and gives it up.
    unsafe { &mut *world }
}

extern "C" fn native_lookup(map: *const u64, key: *const u8) -> *const u8 {
    // SAFETY: the programs pass what they are declared to pass.
    let map = world().maps.get(unsafe { *map } as usize).unwrap();
    let size = map.definition().key_size as usize;
    // SAFETY: as above.
    let key = unsafe { core::slice::from_raw_parts(key, size) };
    map.lookup(key).map_or(core::ptr::null(), <[u8]>::as_ptr)
}

extern "C" fn native_update(map: *const u64, key: *const u8, value: *const u8, flags: u64) -> i64 {
    // SAFETY: the programs pass what they are declared to pass.
    let map = world().maps.get_mut(unsafe { *map } as usize).unwrap();
    let definition = map.definition();
    let (key_size, value_size) = (definition.key_size as usize, definition.value_size as usize);
    // SAFETY: as above.
    let key = unsafe { core::slice::from_raw_parts(key, key_size) };
    // SAFETY: as above.
    let value = unsafe { core::slice::from_raw_parts(value, value_size) };
    map.update(key, value, flags).map_or(-1, |()| 0)
}

extern "C" fn native_clock() -> u64 {
    world().clock.clock_ns()
}

/// For rbpf, a map is a pointer to its number.
static NUMBERS: [u64; 2] = [0, 1];

/// Calls a function of ours for rbpf, whose machine code leaves the stack 8 bytes off what compilers count
/// on (System V ABI for x86-64, 3.2.2). `rbpf::Helper` takes its arguments where C functions do.
macro_rules! rbpf_helper {
    ($name:ident, $function:ident) => {
        fn $name(mut r1: u64, r2: u64, r3: u64, r4: u64, _: u64) -> u64 {
            // SAFETY: the function is of the C ABI and takes up to four numbers or pointers; the programs
            // pass what it takes. The stack is put back.
            unsafe {
                core::arch::asm!(
                    "mov r12, rsp",
                    "and rsp, -16",
                    "call {function}",
                    "mov rsp, r12",
                    "mov rdi, rax",
                    function = sym $function,
                    inout("rdi") r1,
                    in("rsi") r2,
                    in("rdx") r3,
                    in("rcx") r4,
                    out("r12") _,
                    clobber_abi("C"),
                );
            }
            r1
        }
    };
}

rbpf_helper!(rbpf_lookup, native_lookup);
rbpf_helper!(rbpf_update, native_update);
rbpf_helper!(rbpf_clock, native_clock);

/// One program on one set of packets.
struct Case {
    name: &'static str,
    source: &'static str,
    rules: usize,
    packets: Vec<Vec<u8>>,
    clock_step: u64,
}

/// An Ethernet frame with IPv4, UDP and a payload.
fn frame(source: u32, port: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2; 12];
    frame.extend([8, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0x12, 0x34]);
    frame.extend(source.to_le_bytes());
    frame.extend([10, 0, 0, 1, 0x30, 0x39]);
    frame.extend(port.to_be_bytes());
    frame.extend([0, 8, 0xab, 0xcd]);
    frame.extend(payload);
    frame
}

/// The same sequence in every run: SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }
}

/// A rule: mask, prefix, and ports from and to.
fn rules(count: usize) -> Vec<(u32, u32, u16, u16)> {
    let mut random = Random(count as u64);
    let rule = |i: usize| {
        let mask = [0xff_ffff, 0xffff, 0xffff_ffff][i % 3];
        let low = 20_000 + random.next(20_000) as u16;
        let prefix = random.next(1 << 24) as u32 & mask;
        (mask, prefix, low, low + 1 + random.next(49) as u16)
    };
    (0..count).map(rule).collect()
}

fn cases() -> Vec<Case> {
    let mut random = Random(1);
    let mut set = |port: u16, payload: &[u8]| -> Vec<Vec<u8>> {
        let source = |_| random.next(64) as u32 | 0x0a00_0000;
        (0..PACKETS)
            .map(source)
            .map(|source| frame(source, port, payload))
            .collect()
    };
    let short = [7; 22];
    let long = [b'E'; 214];
    let mut evil = long;
    evil[180..184].copy_from_slice(b"EVIL");
    let case = |name, source, packets| Case {
        name,
        source,
        rules: 0,
        packets,
        clock_step: 1_000_000,
    };
    let mut cases = vec![
        case("a pass", "pass", set(80, &short)),
        case("b port, pass", "port", set(80, &short)),
        case("b port, drop", "port", set(12345, &short)),
        case("d token bucket, pass", "token-bucket", set(80, &short)),
        Case {
            clock_step: 0,
            ..case("d token bucket, drop", "token-bucket", set(80, &short))
        },
        case("e round robin", "round-robin", set(80, &short)),
        case("f search, pass", "search", set(80, &long)),
        case("f search, drop", "search", set(80, &evil)),
        case("g rewrite", "rewrite", set(80, &short)),
    ];
    for (count, pass, drop) in [
        (10, "c10 rules, pass", "c10 rules, drop"),
        (100, "c100 rules, pass", "c100 rules, drop"),
        (1000, "c1000 rules, pass", "c1000 rules, drop"),
    ] {
        let matching = |i: usize| {
            let rules = rules(count);
            let (_, prefix, low, _) = rules[i * 7919 % rules.len()];
            frame(prefix, low, &short)
        };
        for (name, packets) in [
            (pass, set(80, &short)),
            (drop, (0..PACKETS).map(matching).collect()),
        ] {
            cases.push(Case {
                rules: count,
                ..case(name, "rules", packets)
            });
        }
    }
    cases
}

/// A program in all its forms.
struct Compiled {
    image: Image,
    native: extern "C" fn(*mut PacketContext) -> i32,
}

fn build(case: &Case, folder: &Path) -> Compiled {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ebpf-samples");
    let source = samples.join("bench").join(format!("{}.c", case.source));
    let list = folder.join("rules.h");
    let lines = rules(case.rules).into_iter();
    let lines = lines.map(|(mask, prefix, low, high)| {
        format!("RULE({mask:#x}u, {prefix:#x}u, {low}, {high})\n")
    });
    fs::write(&list, lines.collect::<String>()).unwrap();
    let clang = std::env::var("CLANG").unwrap_or_else(|_| "clang-19".into());
    let run = |out: &Path, flags: &[&str]| {
        let status = Command::new(&clang)
            .args(["-O2", "-w"])
            .args(flags)
            .arg(format!("-DRULES=\"{}\"", list.display()))
            .arg("-I")
            .arg(samples.join("include"))
            .arg(&source)
            .arg("-o")
            .arg(out)
            .status();
        assert!(
            status.unwrap().success(),
            "{clang} fails on {}",
            source.display()
        );
    };
    let name = case.name.replace([' ', ','], "-");
    let (object, library) = (
        folder.join(format!("{name}.o")),
        folder.join(format!("{name}.so")),
    );
    run(&object, &["-target", "bpf", "-mcpu=v3", "-g", "-c"]);
    run(&library, &["-DNATIVE", "-shared", "-fPIC"]);
    let object = Object::parse(&fs::read(&object).unwrap(), ParseOptions::default()).unwrap();
    Compiled {
        image: object.link(&object.programs()[0]).unwrap(),
        native: load(&library),
    }
}

/// Loads the machine's own code; it stays loaded.
fn load(library: &Path) -> extern "C" fn(*mut PacketContext) -> i32 {
    let path = CString::new(library.to_str().unwrap()).unwrap();
    // SAFETY: the library was made here, and has no code that runs when it is loaded.
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
    assert!(!handle.is_null(), "{} cannot be loaded", library.display());
    let symbol = |name: &CStr| {
        // SAFETY: the handle was just opened.
        let symbol = unsafe { libc::dlsym(handle, name.as_ptr()) };
        assert!(!symbol.is_null(), "{name:?}");
        symbol
    };
    type Bind = extern "C" fn(*const c_void, *const c_void, *const c_void);
    // SAFETY: the type is that of the source.
    let bind = unsafe { core::mem::transmute::<*mut c_void, Bind>(symbol(c"bind_helpers")) };
    bind(
        native_lookup as *const c_void,
        native_update as *const c_void,
        native_clock as *const c_void,
    );
    // SAFETY: the type is that of the source.
    unsafe {
        core::mem::transmute::<*mut c_void, extern "C" fn(*mut PacketContext) -> i32>(symbol(
            c"program",
        ))
    }
}

/// A context that no line of the cache ends in: how peers fare would depend on where the stack lies.
#[repr(align(64))]
struct Context(PacketContext);

fn context(packet: &mut Packet) -> Context {
    let annotations = packet.annotations;
    let bytes = packet.bytes_mut().as_mut_ptr_range();
    Context(PacketContext {
        data: bytes.start as u64,
        data_end: bytes.end as u64,
        port: annotations.port,
        mark: annotations.mark,
        rx_time_ns: annotations.rx_time_ns,
        delay_ns: annotations.delay_ns,
    })
}

fn read_back(packet: &mut Packet, Context(context): &Context) {
    packet.annotations.mark = context.mark;
    packet.annotations.delay_ns = context.delay_ns;
}

/// Runs the program on all packets, and gives a sum of the verdicts in which each place counts.
type Run<'a> = Box<dyn FnMut(&mut [Packet], &mut World) -> u64 + 'a>;

/// Whoever runs the program on a packet and gives its verdict.
struct Contender<'a> {
    name: &'static str,
    packets: Vec<Packet>,
    world: Box<World>,
    run: Run<'a>,
    times: Vec<f64>,
    repeat: u64,
}

impl Contender<'_> {
    /// Once over all packets.
    fn pass(&mut self) -> u64 {
        // SAFETY: see `world`; the box outlives the call.
        unsafe { WORLD = &raw mut *self.world };
        (self.run)(&mut self.packets, &mut self.world)
    }

    fn time(&mut self) {
        let start = thread_ns();
        for _ in 0..self.repeat {
            core::hint::black_box(self.pass());
        }
        let took = (thread_ns() - start) as f64;
        self.times
            .push(took / (self.repeat * PACKETS as u64) as f64);
    }

    /// Nanoseconds for a packet in a turn with few disturbances.
    fn undisturbed(&self) -> f64 {
        let mut times = self.times.clone();
        times.sort_by(f64::total_cmp);
        times[times.len() / 10]
    }
}

fn fold(verdicts: u64, verdict: u64) -> u64 {
    verdicts.wrapping_mul(3).wrapping_add(verdict)
}

fn thread_ns() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the place is ours.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(failed, 0);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The program for rbpf: maps are pointers to their numbers.
fn rbpf_code(image: &Image) -> Vec<u8> {
    let code: Vec<Insn> = image
        .code()
        .iter()
        .map(|insn| match *insn {
            Insn::Wide {
                dst,
                value: Wide::Map(map),
            } => Insn::Wide {
                dst,
                value: Wide::Number(&raw const NUMBERS[map as usize] as u64),
            },
            other => other,
        })
        .collect();
    Insn::encode_all(&code)
        .into_iter()
        .flat_map(RawInsn::to_bytes)
        .collect()
}

fn rbpf_machine(code: &[u8]) -> rbpf::EbpfVmMbuff<'_> {
    let mut machine = rbpf::EbpfVmMbuff::new(Some(code)).unwrap();
    for (helper, function) in [
        (HelperId::MapLookupElem, rbpf_lookup as rbpf::Helper),
        (HelperId::MapUpdateElem, rbpf_update),
        (HelperId::KtimeGetNs, rbpf_clock),
    ] {
        machine.register_helper(helper.spec().id, function).unwrap();
    }
    machine.register_allowed_memory(0..u64::MAX);
    machine
}

fn contenders<'a>(case: &Case, compiled: &'a Compiled, code: &'a [u8]) -> Vec<Contender<'a>> {
    let image = &compiled.image;
    let maps = || Maps::new(image.maps(), [1, 2]).unwrap();
    let guarded = Maps::new_in(image.maps(), [1, 2], &mut ProcessMemory).unwrap();
    // SAFETY: the programs check every pointer; the verifier's tests prove others like them.
    let program =
        unsafe { Program::unverified(image, &Options::default(), guarded, &mut ProcessMemory) };
    let mut program = program.unwrap();
    let mut instance = Instance::new(image, maps()).unwrap();
    let native = compiled.native;
    let mut rbpf_jit = rbpf_machine(code);
    // Its buffer is too small for some programs, and it panics.
    let jit_compile = AssertUnwindSafe(|| rbpf_jit.jit_compile().is_ok());
    let rbpf_compiles = catch_unwind(jit_compile).unwrap_or(false);
    let rbpf_interpreter = rbpf_machine(code);
    let contender = |name, run| Contender {
        name,
        packets: case
            .packets
            .iter()
            .map(|bytes| Packet::new(bytes).unwrap())
            .collect(),
        world: Box::new(World {
            maps: maps(),
            clock: Clock {
                now: 1 << 30,
                step: case.clock_step,
            },
        }),
        run,
        times: Vec::new(),
        repeat: 1,
    };
    let as_bytes = |context: &mut PacketContext| -> &'static mut [u8] {
        let size = size_of::<PacketContext>();
        // SAFETY: bytes of a local variable of the caller, which gives them up before it.
        unsafe { core::slice::from_raw_parts_mut((&raw mut *context).cast(), size) }
    };
    let mut contenders = vec![
        contender(
            "native",
            Box::new(move |packets, _| {
                packets.iter_mut().fold(0, |sum, packet| {
                    let mut context = context(packet);
                    let verdict = native(&raw mut context.0);
                    read_back(packet, &context);
                    fold(sum, verdict as u64)
                })
            }),
        ),
        contender(
            "jit",
            Box::new(move |packets, world| {
                packets.iter_mut().fold(0, |sum, packet| {
                    let returned = program.run(packet, &mut world.clock, FUEL).unwrap();
                    fold(sum, returned.value)
                })
            }),
        ),
        contender(
            "rbpf jit",
            Box::new(move |packets, _| {
                packets.iter_mut().fold(0, |sum, packet| {
                    let mut context = context(packet);
                    let bytes = as_bytes(&mut context.0);
                    // SAFETY: the same programs as ours.
                    let value = unsafe { rbpf_jit.execute_program_jit(packet.bytes_mut(), bytes) };
                    read_back(packet, &context);
                    fold(sum, value.unwrap())
                })
            }),
        ),
        contender(
            "interpreter",
            Box::new(move |packets, world| {
                packets.iter_mut().fold(0, |sum, packet| {
                    let outcome = instance.run(packet, &mut world.clock, FUEL).unwrap();
                    fold(sum, outcome.value)
                })
            }),
        ),
        contender(
            "rbpf interp",
            Box::new(move |packets, _| {
                packets.iter_mut().fold(0, |sum, packet| {
                    let mut context = context(packet);
                    let bytes = as_bytes(&mut context.0);
                    let value = rbpf_interpreter.execute_program(packet.bytes_mut(), bytes);
                    read_back(packet, &context);
                    fold(sum, value.unwrap())
                })
            }),
        ),
    ];
    if !rbpf_compiles {
        contenders.retain(|contender| contender.name != "rbpf jit");
    }
    let helpers = [
        (HelperId::MapLookupElem, native_lookup as *const c_void),
        (HelperId::MapUpdateElem, native_update as *const c_void),
        (HelperId::KtimeGetNs, native_clock as *const c_void),
    ];
    if let Some(compiled) = ubpf::compile(code, &helpers) {
        let run = move |packets: &mut [Packet], _: &mut World| {
            packets.iter_mut().fold(0, |sum, packet| {
                let mut context = context(packet);
                let value = compiled(&raw mut context.0, size_of::<PacketContext>());
                read_back(packet, &context);
                fold(sum, value)
            })
        };
        contenders.push(contender("ubpf jit", Box::new(run)));
    }
    contenders
}

/// Microseconds that the compiler takes, the median of many.
fn compile_time(image: &Image) -> f64 {
    let mut times: Vec<f64> = (0..101)
        .map(|_| {
            let start = thread_ns();
            core::hint::black_box(compile(image, &Options::default()).unwrap());
            (thread_ns() - start) as f64 / 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn pin() {
    // SAFETY: a set of processors is a plain array, for which zeros are empty.
    let mut set: libc::cpu_set_t = unsafe { core::mem::zeroed() };
    // SAFETY: the number is within the set.
    unsafe { libc::CPU_SET(1, &mut set) };
    // SAFETY: the set is ours. Where there is one processor only, it fails, and nothing is lost.
    unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) };
}

fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    pin();
    let folder: PathBuf =
        std::env::temp_dir().join(format!("bpf-jit-bench-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let kernel = kernel::is_there();
    println!(
        "| program | slots | native (ns) | {} | kernel (ns) | compile (us) |",
        PEERS.join(" | ")
    );
    println!("|---|---|---|{}---|---|", "---|".repeat(PEERS.len()));
    let mut rows = Vec::new();
    for case in cases() {
        if !wanted.is_empty() && !wanted.iter().any(|name| case.name.contains(name.as_str())) {
            continue;
        }
        let compiled = build(&case, &folder);
        if let Some(folder) = std::env::var_os("DUMP") {
            let code = compile(&compiled.image, &Options::default()).unwrap();
            let file = format!("{}.bin", case.name.replace([' ', ','], "-"));
            fs::write(Path::new(&folder).join(file), code.bytes()).unwrap();
        }
        let code = rbpf_code(&compiled.image);
        let mut contenders = contenders(&case, &compiled, &code);
        let timed = kernel.then(|| kernel::time(&compiled.image, &case.packets));
        for pass in 0..64 {
            let verdicts: Vec<u64> = contenders.iter_mut().map(Contender::pass).collect();
            if let (0, Some(Ok(timed))) = (pass, &timed) {
                let by_kernel = timed.verdicts.iter().copied().fold(0, fold);
                assert_eq!(by_kernel, verdicts[0], "{}: the kernel", case.name);
            }
            for (contender, verdict) in contenders.iter().zip(&verdicts) {
                assert_eq!(
                    *verdict, verdicts[0],
                    "{}: {}, pass {pass}",
                    case.name, contender.name
                );
            }
        }
        // The native code is the reference for what changes, too.
        let bytes = |contender: &Contender<'_>| -> Vec<Vec<u8>> {
            contender
                .packets
                .iter()
                .map(|packet| packet.bytes().to_vec())
                .collect()
        };
        for contender in &contenders {
            assert_eq!(
                bytes(contender),
                bytes(&contenders[0]),
                "{}: {}",
                case.name,
                contender.name
            );
        }
        for contender in &mut contenders {
            let start = Instant::now();
            contender.pass();
            let took = u64::try_from(start.elapsed().as_nanos()).unwrap().max(1);
            contender.repeat = (TURN_NS / took).max(1);
        }
        for _ in 0..TURNS {
            contenders.iter_mut().for_each(Contender::time);
        }
        let native = contenders[0].undisturbed();
        let ratio = |name| {
            let contender = contenders.iter().find(|contender| contender.name == name);
            contender.map(|contender| contender.undisturbed() / native)
        };
        rows.push(plot::Row {
            name: case.name,
            ours: ratio("jit").unwrap(),
            rbpf: ratio("rbpf jit"),
            ubpf: ratio("ubpf jit"),
        });
        let cells: Vec<String> = PEERS
            .iter()
            .map(|name| {
                let contender = contenders.iter().find(|contender| contender.name == *name);
                let Some(contender) = contender else {
                    return "–".to_owned();
                };
                let time = contender.undisturbed();
                format!("{time:.2} [{:.2}]", time / native)
            })
            .collect();
        let timed = match timed {
            None => "–".into(),
            Some(Ok(timed)) => format!("{:.1}", timed.undisturbed),
            Some(Err(why)) => why,
        };
        println!(
            "| {} | {} | {native:.2} | {} | {timed} | {:.1} |",
            case.name,
            compiled.image.code().len(),
            cells.join(" | "),
            compile_time(&compiled.image),
        );
    }
    fs::remove_dir_all(&folder).unwrap();
    if let Some(file) = std::env::var_os("PLOT") {
        fs::write(file, plot::svg(&rows)).unwrap();
    }
}
