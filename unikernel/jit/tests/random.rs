//! Programs made at random that are safe by construction: the interpreter and machine code do the
//! same, step for step of what can be compared.
//!
//! Registers hold numbers, but for some of `r6` to `r9`, which hold pointers that no arithmetic
//! touches. So a program can do anything with numbers, jump anywhere, and access memory only where it
//! may: numbers never depend on addresses.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

mod both;
#[path = "../../runtime/tests/common/mod.rs"]
mod common;

use both::Both;
use bpf_jit::Options;
use bpf_object::RawInsn;
use bpf_runtime::FaultCause;
use common::*;
use platform_click::MapKind;
use proptest::prelude::*;

/// Instructions of a run; programs with endless loops are stopped here.
const RUN: u64 = 3_000;

/// Bytes that every pointer may be used for; the packet has as many or the program ends.
const ROOM: i16 = 32;

/// Bytes of the stack that a function sets at its start; it uses no others.
const STACK: i16 = 64;

/// Where the entry keeps its context.
const CONTEXT: i16 = -72;

/// What a register holds at the start of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Number,
    Packet,
    /// A value of the map with this number.
    Value(u8),
    Data,
}

/// Maps with keys, by number.
const ARRAY: u8 = 0;
const HASH: u8 = 1;
const PERCPU: u8 = 2;
const RECENT: u8 = 3;
const PERCPU_HASH: u8 = 4;
const TRIE: u8 = 5;
/// Hash maps whose keys have sizes of which machine code knows.
const HASH_4: u8 = 6;
const HASH_16: u8 = 7;
const KEYED: core::ops::Range<u8> = 0..8;

/// Maps without keys.
const QUEUES: core::ops::Range<u8> = 8..10;
const RING: i32 = 10;

/// Texts that are printed, each with fewer than 16 bytes and the zero behind it.
const TEXTS: [&str; 6] = ["hello", "%d", "%x %u", "%lld%%", "%ld %lx %d", "%s\n"];

/// What a program is made of; jumps lead to the start of one.
#[derive(Clone, Debug)]
enum Unit {
    Arithmetic {
        code: u8,
        class: u8,
        by_register: bool,
        dst: u8,
        src: u8,
        imm: i32,
        signed: bool,
    },
    Unary {
        which: u8,
        dst: u8,
        src: u8,
    },
    Number(u8, u64),
    Load {
        pointer: u8,
        which: u8,
        off: i16,
        dst: u8,
    },
    Store {
        pointer: u8,
        size: u8,
        off: i16,
        src: u8,
        imm: Option<i32>,
    },
    Atomic {
        pointer: u8,
        wide: bool,
        op: u8,
        off: i16,
        src: u8,
    },
    Jump {
        condition: Option<(u8, u8)>,
        by_register: bool,
        dst: u8,
        src: u8,
        imm: i32,
        to: usize,
    },
    Lookup {
        map: u8,
        key: i32,
    },
    Update {
        map: u8,
        key: i32,
        value: i32,
        flags: i32,
    },
    Delete {
        map: u8,
        key: i32,
    },
    /// A helper without arguments.
    Plain(u8),
    /// A helper of a queue or a stack.
    Queue {
        helper: u8,
        map: u8,
        flags: i32,
    },
    Checksum {
        from: i32,
        to: i32,
        seed: i32,
    },
    Ring {
        size: i32,
        flags: i32,
    },
    Print {
        text: usize,
        numbers: [u8; 3],
    },
    Space {
        head: i32,
        tail: i32,
    },
    Call,
    Exit,
}

fn immediate() -> impl Strategy<Value = i32> {
    prop_oneof![
        3 => -20..20_i32,
        2 => any::<i32>(),
        1 => prop::sample::select(vec![i32::MIN, i32::MAX, 1 << 16, 127, 128, -128, -129]),
    ]
}

fn unit() -> impl Strategy<Value = Unit> {
    let register = || 0..10_u8;
    let codes = vec![
        0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x90, 0xa0, 0xb0, 0xc0_u8,
    ];
    let conditions = vec![
        0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0_u8,
    ];
    let atomics = vec![0, 1, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1_u8];
    prop_oneof![
        12 => (prop::sample::select(codes), prop::sample::select(vec![4, 7_u8]), any::<bool>(),
            register(), register(), immediate(), any::<bool>()).prop_map(
            |(code, class, by_register, dst, src, imm, signed)| Unit::Arithmetic {
                code, class, by_register, dst, src, imm, signed
            }),
        4 => (0..16_u8, register(), register())
            .prop_map(|(which, dst, src)| Unit::Unary { which, dst, src }),
        2 => (register(), any::<u64>()).prop_map(|(dst, number)| Unit::Number(dst, number)),
        6 => (0..5_u8, 0..7_u8, any::<i16>(), register())
            .prop_map(|(pointer, which, off, dst)| Unit::Load { pointer, which, off, dst }),
        6 => (0..5_u8, 0..4_u8, any::<i16>(), register(), prop::option::of(immediate()))
            .prop_map(|(pointer, size, off, src, imm)| Unit::Store { pointer, size, off, src, imm }),
        4 => (0..5_u8, any::<bool>(), prop::sample::select(atomics), any::<i16>(), register())
            .prop_map(|(pointer, wide, op, off, src)| Unit::Atomic { pointer, wide, op, off, src }),
        6 => (prop::option::weighted(0.8, (prop::sample::select(conditions),
            prop::sample::select(vec![5, 6_u8]))), any::<bool>(), register(), register(),
            immediate(), any::<usize>()).prop_map(
            |(condition, by_register, dst, src, imm, to)| Unit::Jump {
                condition, by_register, dst, src, imm, to
            }),
        3 => (KEYED, 0..6_i32).prop_map(|(map, key)| Unit::Lookup { map, key }),
        3 => (KEYED, 0..6_i32, immediate(), 0..4_i32)
            .prop_map(|(map, key, value, flags)| Unit::Update { map, key, value, flags }),
        1 => (KEYED, 0..6_i32).prop_map(|(map, key)| Unit::Delete { map, key }),
        2 => prop::sample::select(vec![5, 7, 8, 125, 208_u8]).prop_map(Unit::Plain),
        2 => (87..90_u8, QUEUES, 0..4_i32)
            .prop_map(|(helper, map, flags)| Unit::Queue { helper, map, flags }),
        1 => (0..9_i32, 0..9_i32, immediate())
            .prop_map(|(from, to, seed)| Unit::Checksum { from, to, seed }),
        1 => (0..65_i32, 0..5_i32).prop_map(|(size, flags)| Unit::Ring { size, flags }),
        1 => (0..TEXTS.len(), [register(), register(), register()])
            .prop_map(|(text, numbers)| Unit::Print { text, numbers }),
        1 => (-40..40_i32, -40..40_i32).prop_map(|(head, tail)| Unit::Space { head, tail }),
        1 => Just(Unit::Call),
        1 => Just(Unit::Exit),
    ]
}

/// A function with the roles of `r6` to `r9`; only the entry has pointers, calls, and a packet.
struct Builder {
    roles: [Role; 4],
    is_entry: bool,
}

impl Builder {
    /// A register that holds a number: the one asked for, or `r0`.
    fn number(&self, register: u8) -> u8 {
        match register {
            6..=9 if self.roles[usize::from(register) - 6] != Role::Number => 0,
            other => other,
        }
    }

    /// A pointer and an offset from it at which `size` bytes may be accessed.
    fn place(&self, pointer: u8, off: i16, size: i16) -> (u8, i16) {
        let held = (6..10).filter(|register| self.number(*register) != *register);
        let held: Vec<u8> = held.collect();
        match held.get(usize::from(pointer)) {
            Some(register) => (*register, off.rem_euclid(ROOM - size + 1)),
            None => (R10, off.rem_euclid(STACK - size + 1) - STACK),
        }
    }

    /// After a call, `r1` to `r5` hold nothing.
    fn renew(code: &mut Vec<RawInsn>) {
        code.extend((1..6).map(|register| mov(register, i32::from(register) * 0x1111)));
    }

    /// `r1` is a map and `r2` a key on the stack.
    fn with_key(code: &mut Vec<RawInsn>, number: u8, key: i32) {
        if number == TRIE {
            // 10.0.0.0 and 138.0.0.0 with up to 36 bits of prefix, of which there are 32.
            code.push(store32_imm(R10, -8, key * 6));
            code.push(store32_imm(R10, -4, 10 | (key & 1) << 7));
        } else {
            code.push(store64_imm(R10, -8, key));
        }
        code.extend(map(R1, i32::from(number)));
        let start = if number == HASH_16 { -16 } else { -8 };
        code.extend([mov_reg(R2, R10), add(R2, start)]);
    }

    /// Loads the packet's place; ends the program if the packet is too short.
    fn packet(&self, code: &mut Vec<RawInsn>) {
        let Some(place) = self.roles.iter().position(|role| *role == Role::Packet) else {
            return;
        };
        let pointer = 6 + place as u8;
        code.extend([
            load64(R1, R10, CONTEXT),
            load64(pointer, R1, 0),
            load64(R2, R1, 8),
            mov_reg(R3, pointer),
            add(R3, i32::from(ROOM)),
            insn(0xbd, R3, R2, 2, 0), // if r3 <= r2
            mov(R0, 77),
            exit(),
        ]);
        Self::renew(code);
    }

    fn prologue(&self) -> Vec<RawInsn> {
        let mut code = Vec::new();
        for slot in 1..=STACK / 8 {
            code.push(store64_imm(R10, -8 * slot, i32::from(slot) * 0x0101_0101));
        }
        if self.is_entry {
            code.push(store64(R10, CONTEXT, R1));
        }
        code.extend((0..10).map(|register| mov(register, i32::from(register) * 0x1357)));
        self.packet(&mut code);
        for (register, role) in (6..).zip(self.roles) {
            match role {
                Role::Number | Role::Packet => continue,
                Role::Data => code.extend(data(register, 0, 4)),
                Role::Value(number) => {
                    Self::with_key(&mut code, number, 1);
                    code.push(helper(1));
                    code.extend([insn(0x55, R0, 0, 1, 0), exit()]); // if r0 != 0
                    code.push(mov_reg(register, R0));
                }
            }
            Self::renew(&mut code);
            code.push(mov(R0, 5));
        }
        code
    }

    /// The instructions of a unit; those of a jump have their offset still to come.
    fn unit(&self, unit: &Unit) -> Vec<RawInsn> {
        let mut code = Vec::new();
        let sizes = [(0x10, 1), (0x08, 2), (0x00, 4), (0x18, 8)];
        match *unit {
            Unit::Arithmetic {
                code: op,
                class,
                by_register,
                dst,
                src,
                imm,
                signed,
            } => {
                let off = i16::from(signed && matches!(op, 0x30 | 0x90));
                let (dst, src) = (self.number(dst), self.number(src));
                code.push(if by_register {
                    insn(op | class | 8, dst, src, off, 0)
                } else {
                    insn(op | class, dst, 0, off, imm)
                });
            }
            Unit::Unary { which, dst, src } => {
                let (dst, src) = (self.number(dst), self.number(src));
                let bits = [16, 32, 64][usize::from(which) % 3];
                code.push(match which {
                    0 => insn(0x84, dst, 0, 0, 0),
                    1 => insn(0x87, dst, 0, 0, 0),
                    2 | 3 => insn(0xbc, dst, src, if which == 2 { 8 } else { 16 }, 0),
                    4..=6 => insn(0xbf, dst, src, 8 << (which - 4), 0),
                    7..=9 => insn(0xd4, dst, 0, 0, bits),
                    10..=12 => insn(0xdc, dst, 0, 0, bits),
                    _ => insn(0xd7, dst, 0, 0, bits),
                });
            }
            Unit::Number(dst, number) => code.extend(wide(self.number(dst), number)),
            Unit::Load {
                pointer,
                which,
                off,
                dst,
            } => {
                let (opcode, size) = match which {
                    4 => (0x91, 1),
                    5 => (0x89, 2),
                    6 => (0x81, 4),
                    plain => {
                        let (code, size) = sizes[usize::from(plain)];
                        (0x61 | code, size)
                    }
                };
                let (base, off) = self.place(pointer, off, size);
                code.push(insn(opcode, self.number(dst), base, off, 0));
            }
            Unit::Store {
                pointer,
                size,
                off,
                src,
                imm,
            } => {
                let (op, size) = sizes[usize::from(size)];
                let (base, off) = self.place(pointer, off, size);
                code.push(match imm {
                    Some(imm) => insn(0x62 | op, base, 0, off, imm),
                    None => insn(0x63 | op, base, self.number(src), off, 0),
                });
            }
            Unit::Atomic {
                pointer,
                wide,
                op,
                off,
                src,
            } => {
                let (opcode, size) = if wide { (0xdb, 8) } else { (0xc3, 4) };
                let (base, off) = self.place(pointer, off, size);
                code.push(insn(opcode, base, self.number(src), off, i32::from(op)));
            }
            Unit::Jump {
                condition,
                by_register,
                dst,
                src,
                imm,
                ..
            } => {
                let (dst, src) = (self.number(dst), self.number(src));
                code.push(match condition {
                    None => insn(0x05, 0, 0, 0, 0),
                    Some((op, class)) if by_register => insn(op | class | 8, dst, src, 0, 0),
                    Some((op, class)) => insn(op | class, dst, 0, 0, imm),
                });
            }
            Unit::Lookup { map, key } => {
                Self::with_key(&mut code, map, key);
                code.extend([helper(1), insn(0x15, R0, 0, 1, 0), load64(R0, R0, 8)]);
                Self::renew(&mut code);
            }
            Unit::Update {
                map,
                key,
                value,
                flags,
            } => {
                Self::with_key(&mut code, map, key);
                code.extend([store64_imm(R10, -24, value), mov_reg(R3, R10), add(R3, -64)]);
                code.extend([mov(R4, flags), helper(2)]);
                Self::renew(&mut code);
            }
            Unit::Delete { map, key } => {
                // A pointer to a deleted value stays good only until the next run.
                Self::with_key(&mut code, map, key);
                code.push(helper(3));
                Self::renew(&mut code);
            }
            Unit::Plain(number) => {
                code.push(helper(i32::from(number)));
                Self::renew(&mut code);
            }
            Unit::Queue {
                helper: number,
                map: queue,
                flags,
            } => {
                code.extend(map(R1, i32::from(queue)));
                code.extend([mov_reg(R2, R10), add(R2, -56), mov(R3, flags)]);
                code.push(helper(i32::from(number)));
                Self::renew(&mut code);
            }
            Unit::Checksum { from, to, seed } => {
                code.extend([mov_reg(R1, R10), add(R1, -64), mov(R2, from * 4)]);
                code.extend([mov_reg(R3, R10), add(R3, -40), mov(R4, to * 4)]);
                code.extend([mov(R5, seed), helper(28)]);
                Self::renew(&mut code);
            }
            Unit::Ring { size, flags } => {
                code.extend(map(R1, RING));
                code.extend([mov_reg(R2, R10), add(R2, -64)]);
                code.extend([mov(R3, size), mov(R4, flags)]);
                code.push(helper(130));
                Self::renew(&mut code);
            }
            Unit::Print { text, numbers } => {
                let mut bytes = [0; 16];
                bytes[..TEXTS[text].len()].copy_from_slice(TEXTS[text].as_bytes());
                // Numbers first: they may be in registers that the text goes through.
                let places = [-40, -32, -24];
                for (register, place) in numbers.into_iter().zip(places) {
                    code.push(store64(R10, place, self.number(register)));
                }
                for (half, place) in bytes.chunks_exact(8).zip([-64, -56]) {
                    let half = u64::from_le_bytes(half.try_into().unwrap());
                    code.extend(wide(R1, half));
                    code.push(store64(R10, place, R1));
                }
                code.extend([mov_reg(R1, R10), add(R1, -64)]);
                code.push(mov(R2, TEXTS[text].len() as i32 + 1));
                code.extend(
                    (3..6)
                        .zip(places)
                        .map(|(register, place)| load64(register, R10, place)),
                );
                code.push(helper(6));
                Self::renew(&mut code);
            }
            Unit::Space { head, tail } if self.is_entry => {
                code.extend([mov(R1, head), mov(R2, tail), helper(60)]);
                Self::renew(&mut code);
                self.packet(&mut code);
            }
            Unit::Call if self.is_entry => {
                code.push(call(0)); // the distance is still to come
                Self::renew(&mut code);
            }
            Unit::Space { .. } | Unit::Call => code.push(mov(R0, 1)),
            Unit::Exit => code.push(exit()),
        }
        code
    }

    /// Lays out a function from slot `start` on.
    fn function(&self, units: &[Unit], start: usize, callee: Option<usize>) -> Vec<RawInsn> {
        let mut code = self.prologue();
        let blocks: Vec<Vec<RawInsn>> = units.iter().map(|unit| self.unit(unit)).collect();
        let mut starts = vec![code.len()];
        for block in &blocks {
            starts.push(starts.last().unwrap() + block.len());
        }
        for ((unit, mut block), at) in units.iter().zip(blocks).zip(&starts) {
            match unit {
                Unit::Jump { to, .. } => {
                    block[0].off = (starts[to % starts.len()] as i64 - *at as i64 - 1) as i16;
                }
                Unit::Call if self.is_entry => {
                    let from = (start + at) as i64;
                    block[0].imm = callee.map_or(0, |to| (to as i64 - from - 1) as i32);
                }
                _ => {}
            }
            code.extend(block);
        }
        code.push(exit());
        code
    }
}

fn program() -> impl Strategy<Value = Program> {
    let units = |most| prop::collection::vec(unit(), 1..most);
    let roles = vec![
        Role::Number,
        Role::Packet,
        Role::Data,
        Role::Value(ARRAY),
        Role::Value(HASH),
        Role::Value(PERCPU),
        Role::Value(RECENT),
        Role::Value(PERCPU_HASH),
        Role::Value(TRIE),
        Role::Value(HASH_4),
        Role::Value(HASH_16),
    ];
    let role = prop::sample::select(roles);
    let roles = [role.clone(), role.clone(), role.clone(), role];
    (units(60), units(20), roles).prop_map(|(entry, callee, mut roles)| {
        // One packet pointer, since only one is renewed.
        let first = roles.iter().position(|role| *role == Role::Packet);
        for (place, role) in roles.iter_mut().enumerate() {
            if *role == Role::Packet && Some(place) != first {
                *role = Role::Number;
            }
        }
        let entry_function = Builder {
            roles,
            is_entry: true,
        };
        let callee_function = Builder {
            roles: [Role::Number; 4],
            is_entry: false,
        };
        let calls = entry.iter().any(|unit| matches!(unit, Unit::Call));
        let length = entry_function.function(&entry, 0, None).len();
        let mut code = entry_function.function(&entry, 0, Some(length));
        if calls {
            code.extend(callee_function.function(&callee, length, None));
        }
        Program::new(code)
            .map("array", MapKind::Array, 4, 40, 4)
            .map("hash", MapKind::Hash, 8, 40, 4)
            .map("percpu", MapKind::PercpuArray, 4, 40, 3)
            .map("recent", MapKind::LruHash, 8, 40, 3)
            .map("percpu-hash", MapKind::PercpuHash, 8, 40, 3)
            .map("trie", MapKind::LpmTrie, 8, 40, 4)
            .map("hash-4", MapKind::Hash, 4, 40, 4)
            .map("hash-16", MapKind::LruHash, 16, 40, 3)
            .map("queue", MapKind::Queue, 0, 40, 3)
            .map("stack", MapKind::Stack, 0, 40, 3)
            .map("ring", MapKind::RingBuffer, 0, 0, 4096)
            .data(".data", &[5; 40], true)
    })
}

/// 10,000 programs, or seven times as many as the variable PROPTEST_CASES says: a full run, which
/// sets it to 16,384 for all tests, has more than 100,000.
fn config() -> ProptestConfig {
    let mut config = ProptestConfig::default();
    config.cases = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config.cases * 7,
        None => 10_000,
    };
    config
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn interpreter_and_machine_code_agree(
        program in program(),
        packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 20..100), 1..4),
        blinding in prop::option::weighted(0.2, any::<u64>()),
    ) {
        let options = Options { blinding, ..Options::default() };
        // SAFETY: safe by construction; the interpreter says so, too, for each run.
        let mut both = unsafe { Both::new(&program.image(), &options) };
        let key = 1_u64.to_le_bytes();
        for map in ["hash", "recent", "percpu-hash"] {
            both.fill(map, &key);
        }
        both.fill("hash-4", &1_u32.to_le_bytes());
        both.fill("trie", &[6, 0, 0, 0, 138, 0, 0, 0]);
        // Behind the number lies what the prologue stored.
        both.fill("hash-16", &[[2, 2, 2, 2, 0, 0, 0, 0], key].concat());
        for packet in packets {
            let Err(fault) = both.run(&packet, RUN) else {
                continue;
            };
            // Neither of the two has a defect, and both stop.
            prop_assert_eq!(fault.cause, FaultCause::OutOfFuel { fuel: RUN }, "{:?}", fault);
            let out_of_fuel =
                |cause: &FaultCause| matches!(cause, FaultCause::OutOfFuel { fuel: RUN });
            prop_assert!(both.stops(&packet, RUN).iter().all(out_of_fuel));
            break;
        }
    }
}
