//! Programs for corners of the instruction set: computations, and a branch behind them that one known
//! run takes, to a load through null.
//!
//! Whoever accepts such a program holds what that run computes for impossible.

use bpf_object::{Image, ImageParts, Insn, RawInsn, Reg};

use crate::bench::{Bench, Steps};
use crate::generator::numbers_only;
use crate::random::Random;

/// A program of computations on numbers and the stack. The first run of [`Bench::new`] with `seed`
/// faults in it. None when the generator's mistakes made it no program.
#[must_use]
pub fn corner(seed: u64) -> Option<Image> {
    let mut random = Random::new(seed);
    let parts = numbers_only(&mut random);
    let base = Image::new(parts.clone()).ok()?;
    let registers = at_exit(&base, seed)?;
    let ImageParts { mut code, .. } = parts;
    code.pop();
    let reg = random.below(6) as u8;
    let value = registers[usize::from(reg)]?;
    trap(&mut random, &mut code, reg, value);
    Image::new(ImageParts { code, ..parts }).ok()
}

/// What r0 to r5 hold before the exit of the first run.
fn at_exit(image: &Image, seed: u64) -> Option<[Option<u64>; 6]> {
    let mut steps = Steps::new(|step| {
        let exits = image.code()[step.slot as usize] == Insn::Exit;
        exits.then(|| {
            core::array::from_fn(|reg| step.registers.get(Reg::new(reg as u8).expect("r0 to r5")))
        })
    });
    Bench::new(image, seed).ok()?.run(&mut steps).ok()?;
    steps.found
}

/// A condition that holds for `value` in `reg` leads to a load through null.
fn trap(random: &mut Random, code: &mut Vec<RawInsn>, reg: u8, value: u64) {
    let insn = |opcode, dst, src, off, imm| RawInsn {
        opcode,
        dst,
        src,
        off,
        imm,
    };
    loop {
        let operator = random.pick(&[
            0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0,
        ]);
        let wide = random.percent(70);
        let other = match random.below(4) {
            0 => value,
            1 => random.wide(),
            2 => random.immediate() as i64 as u64,
            _ => value.wrapping_add(random.below(5)).wrapping_sub(2),
        };
        if !holds(operator, wide, value, other) {
            continue;
        }
        let class = if wide { 0x05 } else { 0x06 };
        match i32::try_from(other as i64) {
            Ok(imm) => code.push(insn(operator | class, reg, 0, 2, imm)),
            Err(_) => {
                let free = u8::from(reg == 0);
                code.push(insn(0x18, free, 0, 0, other as i32));
                code.push(insn(0, 0, 0, 0, (other >> 32) as i32));
                code.push(insn(operator | class | 0x08, reg, free, 2, 0));
            }
        }
        code.extend([
            insn(0xb7, 0, 0, 0, 0),
            insn(0x95, 0, 0, 0, 0),
            insn(0xb7, 0, 0, 0, 0),
            insn(0x79, 0, 0, 0, 0),
            insn(0xb7, 0, 0, 0, 0),
            insn(0x95, 0, 0, 0, 0),
        ]);
        return;
    }
}

/// The comparison of RFC 9669, 4.3.
fn holds(operator: u8, wide: bool, a: u64, b: u64) -> bool {
    let (a, b) = match wide {
        true => (a, b),
        false => (a as u32 as i32 as i64 as u64, b as u32 as i32 as i64 as u64),
    };
    match operator {
        0x10 => a == b,
        0x20 => a > b,
        0x30 => a >= b,
        0x40 => a & b != 0,
        0x50 => a != b,
        0x60 => a as i64 > b as i64,
        0x70 => a as i64 >= b as i64,
        0xa0 => a < b,
        0xb0 => a <= b,
        0xc0 => (a as i64) < b as i64,
        _ => a as i64 <= b as i64,
    }
}

#[cfg(test)]
mod tests {
    use bpf_runtime::NoObserver;

    use super::*;

    #[test]
    fn the_first_run_falls_into_the_trap() {
        let mut made = 0;
        for seed in 0..2_000 {
            let Some(image) = corner(seed) else { continue };
            let fault = Bench::new(&image, seed).unwrap().run(&mut NoObserver);
            let slot = fault.unwrap_err().slot as usize;
            assert_eq!(slot, image.code().len() - 3, "{seed}");
            made += 1;
        }
        assert!(made > 1_500, "{made}");
    }
}
