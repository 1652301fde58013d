//! What the analysis claims is compared with what happens: random programs run in the interpreter,
//! and before each instruction every register must hold what was claimed.

use std::collections::HashMap;

use bpf_object::{RawInsn, Reg};
use bpf_runtime::{DeterministicEnvironment, Instance, Maps, Observer, Packet, Registers};
use platform_click::ProgramKind;

use super::*;
use crate::testing::{exit, mov, op, with_functions};

/// A generator of numbers (xorshift64*), so that a failure names its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % bound
    }

    fn register(&mut self) -> u8 {
        self.below(10) as u8
    }

    fn offset(&mut self) -> i16 {
        let slot = -8 * (1 + self.below(4) as i16);
        if self.below(8) == 0 { slot + 4 } else { slot }
    }
}

/// A straight piece of code that moves addresses and numbers about.
fn piece(random: &mut Random) -> Vec<RawInsn> {
    let (dst, src) = (random.register(), random.register());
    match random.below(14) {
        0 => vec![mov(dst, random.below(5) as i32 - 2)],
        1..=2 => vec![op(0xbf, dst, src, 0, 0)],
        3 => vec![
            op(0xbf, dst, 10, 0, 0),
            op(0x07, dst, 0, 0, i32::from(random.offset())),
        ],
        4 => vec![op(0x07, dst, 0, 0, 8 * (random.below(5) as i32 - 2))],
        5 => vec![op([0x0f, 0x1f][random.below(2) as usize], dst, src, 0, 0)],
        6..=7 => vec![op(0x7b, 10, src, random.offset(), 0)],
        8..=9 => vec![op(0x79, dst, 10, random.offset(), 0)],
        10 => vec![op(0x63, 10, src, random.offset(), 0)],
        // A store through a pointer that is one, perhaps on one path only.
        11 => vec![
            op(0xbf, 8, 10, 0, 0),
            op(0x07, 8, 0, 0, i32::from(random.offset())),
            op(0x55, dst, 0, 2, 0),
            op(0x18, 8, 2, 0, 0),
            op(0, 0, 0, 0, 0),
            op(0x7b, 8, src, 0, 0),
        ],
        12 => vec![op(
            0xdb,
            10,
            src,
            random.offset(),
            [0, 1, 0xe1, 0xf1][random.below(4) as usize],
        )],
        _ => {
            // The key is whatever lies on the stack.
            let mut lookup = vec![
                op(0x62, 10, 0, -36, random.below(6) as i32),
                op(0xbf, 2, 10, 0, 0),
                op(0x07, 2, 0, 0, -36),
                op(0x18, 1, 1, 0, 0),
                op(0, 0, 0, 0, 0),
                op(0x85, 0, 0, 0, 1),
            ];
            // Argument registers are lost and may not be used any more; give them something.
            lookup.extend((1..=5).map(|register| mov(register, 0)));
            // The result is copied before or after it is tested, and used on one side.
            lookup.extend([
                op(0xbf, dst, 0, 0, 0),
                op([0x15, 0x55][random.below(2) as usize], 0, 0, 2, 0),
                op(0x7b, 10, dst, random.offset(), 0),
                op(0xbf, src, dst, 0, 0),
            ]);
            lookup
        }
    }
}

/// Pieces, some of them jumped over; the last instruction is an exit.
fn function(random: &mut Random, preset: &[u8], callee: bool) -> Vec<RawInsn> {
    let mut code: Vec<RawInsn> = preset.iter().map(|register| mov(*register, 0)).collect();
    for offset in [-8, -16, -24, -32] {
        code.push(op(0x7a, 10, 0, offset, 0));
    }
    for _ in 0..3 + random.below(10) {
        let body: Vec<RawInsn> = (0..1 + random.below(3))
            .flat_map(|_| piece(random))
            .collect();
        if random.below(2) == 0 {
            let jump = [0x15, 0x55, 0x1d, 0x5d][random.below(4) as usize];
            let (dst, src) = (random.register(), random.register());
            let src = if jump & 8 != 0 { src } else { 0 };
            code.push(op(jump, dst, src, body.len() as i16, 0));
        }
        code.extend(body);
        if callee && random.below(3) == 0 {
            // Distances to the callee are filled in later.
            code.push(op(0x85, 0, 1, 0, 0));
        }
    }
    code.extend([mov(0, 0), exit()]);
    code
}

fn program(random: &mut Random) -> Image {
    let mut code = function(random, &[0, 2, 3, 4, 5, 6, 7, 8, 9], true);
    let start = code.len();
    for (slot, insn) in code.iter_mut().enumerate() {
        if insn.opcode == 0x85 && insn.src == 1 {
            insn.imm = (start - slot - 1) as i32;
        }
    }
    // The callee's registers are the caller's.
    code.extend(function(random, &[], false));
    with_functions(ProgramKind::Filter, &code, &[start as u32])
}

/// Compares each step with the claims.
struct Judge<'a> {
    flow: &'a Flow<'a>,
    claims: HashMap<(Vec<u32>, u32), State>,
    calls: Vec<u32>,
    frames: Vec<u64>,
    steps: u32,
}

impl Judge<'_> {
    fn check(&self, slot: u32, registers: &Registers) {
        let claimed = self.claims.get(&(self.calls.clone(), slot));
        let claimed = claimed.unwrap_or_else(|| panic!("slot {slot} was held for unreachable"));
        for number in 0..=10 {
            let register = Reg::new(number).unwrap();
            let value = claimed.get(register);
            let Some(held) = registers.get(register) else {
                continue;
            };
            // Which kinds can the number be?
            let mut possible = value.kinds.has(Kinds::NUMBER)
                && value
                    .number
                    .one()
                    .is_none_or(|number| number as u64 == held);
            possible |= value.kinds.has(Kinds::STACK)
                && match (value.frame, value.offset) {
                    (Flat::One(frame), Flat::One(offset)) => self
                        .frames
                        .get(frame)
                        .is_none_or(|pointer| pointer.wrapping_add(offset as u64) == held),
                    _ => true,
                };
            possible |= value.kinds.has(Kinds::NULLABLE);
            possible |= value.kinds.has(Kinds::VALUE) && held != 0;
            let others = Kinds::CONTEXT
                .or(Kinds::PACKET)
                .or(Kinds::MAP)
                .or(Kinds::FRAGMENT);
            let others = others.or(Kinds::DATA).or(Kinds::READ_ONLY);
            possible |= value.kinds.has(others);
            assert!(
                possible,
                "slot {slot}: {register} is {held:#x}, claimed was {value:?}"
            );
        }
    }
}

impl Observer for Judge<'_> {
    fn step(&mut self, slot: u32, registers: &Registers) {
        self.check(slot, registers);
        self.steps += 1;
        let pointer = registers.get(Reg::FP).unwrap();
        if self.frames.is_empty() {
            self.frames.push(pointer);
        }
        match self.flow.insn(slot) {
            Some(Insn::CallLocal { .. }) => {
                self.calls.push(slot);
                self.frames.push(pointer.wrapping_sub(512));
            }
            Some(Insn::Exit) => {
                self.calls.pop();
                self.frames.pop();
            }
            _ => {}
        }
    }
}

#[test]
fn what_is_claimed_holds_in_every_run() {
    let mut steps = 0;
    for seed in 1..=3_000_u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let image = program(&mut random);
        let flow = Flow::new(&image).unwrap();
        let mut claims = HashMap::new();
        flow.visit(|chain, slot, _, state| {
            claims.insert((flow.calls(chain), slot), state.clone());
        });
        let maps = Maps::new(image.maps(), [seed, 1]).unwrap();
        let mut instance = Instance::new(&image, maps).unwrap();
        instance.set_address_seed(seed);
        let mut judge = Judge {
            flow: &flow,
            claims,
            calls: Vec::new(),
            frames: Vec::new(),
            steps: 0,
        };
        let mut packet = Packet::new(&[0; 64]).unwrap();
        let mut environment = DeterministicEnvironment::new(seed);
        let result = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| {
            // A fault ends the run: these programs are not verified.
            let _ = instance.run_observed(&mut packet, &mut environment, 10_000, &mut judge);
        }));
        assert!(
            result.is_ok(),
            "seed {seed}: {}",
            image
                .code()
                .iter()
                .enumerate()
                .map(|(i, x)| format!("{i}: {x}\n"))
                .collect::<String>()
        );
        steps += judge.steps;
    }
    // Most programs run for a while before they fault.
    println!("STEPS {steps}");
    assert!(steps > 100_000, "{steps}");
}
