//! Numbers: where they come from, and what is computed with them.

use super::*;

impl Generator<'_> {
    pub(crate) fn fresh_number(&mut self, reg: u8) {
        match self.random.below(7) {
            0 => {
                let wide = self.random.wide();
                self.load_wide(reg, 0, wide as u32, (wide >> 32) as u32);
            }
            1 => {
                let imm = self.random.immediate();
                self.set(reg, imm);
            }
            2 => {
                let off = 16 + self.random.below(4) as i16;
                self.push(0x71, reg, CONTEXT, off, 0);
            }
            3 => {
                self.push(0x61, reg, CONTEXT, 16, 0);
            }
            4 => {
                let opcode = self.random.pick(&[0x91, 0x89, 0x81]);
                self.push(opcode, reg, CONTEXT, 20, 0);
            }
            _ => {
                let off = self.random.pick(&[24, 32]);
                self.push(0x79, reg, CONTEXT, off, 0);
            }
        }
    }

    pub(crate) fn arithmetic(&mut self) {
        let (dst, src) = (self.number(), self.number());
        let class = self.random.pick(&[4, 7]);
        let bits = if class == 7 { 64 } else { 32 };
        match self.random.below(16) {
            0..=7 => {
                let op = self.random.pick(&[
                    0x00, 0x10, 0x20, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0x50, 0x70,
                ]);
                if self.random.percent(50) {
                    self.push(op | class | 8, dst, src, 0, 0);
                } else {
                    let imm = match op {
                        0x60 | 0x70 | 0xc0 => self.random.below(bits) as i32,
                        _ => self.random.immediate(),
                    };
                    self.push(op | class, dst, 0, 0, imm);
                }
            }
            8..=9 => {
                let op = self.random.pick(&[0x30, 0x90]);
                let signed = i16::from(self.random.percent(50));
                if self.random.percent(40) && src != dst {
                    if self.random.percent(80) {
                        self.push(0x47, src, 0, 0, 1);
                    }
                    self.push(op | class | 8, dst, src, signed, 0);
                } else {
                    let imm = self.random.immediate();
                    self.push(op | class, dst, 0, signed, if imm == 0 { 3 } else { imm });
                }
            }
            10..=11 => {
                let from = self.random.pick(&[8, 16, 32]);
                let from = if class == 4 { from.min(16) } else { from };
                self.push(0xb8 | class, dst, src, from, 0);
            }
            12 => {
                let (opcode, width) = (self.random.pick(&[0xd4, 0xdc, 0xd7]), [16, 32, 64]);
                let width = self.random.pick(&width);
                self.push(opcode, dst, 0, 0, width);
            }
            13 => {
                self.push(0x80 | class, dst, 0, 0, 0);
            }
            14 => {
                self.mov(dst, src);
                if self.random.percent(50) {
                    self.extend(dst);
                } else {
                    self.differ(dst);
                }
                // What is learned about one of the two holds for the other, or not.
                let opcode = self.random.pick(&[0x25, 0x26, 0x15, 0xc5]);
                let imm = self.random.below(300) as i32;
                let skip = self.push(opcode, dst, 0, 0, imm);
                self.push(0x07, src, 0, 0, 1);
                self.land(skip);
            }
            _ => self.fresh_number(dst),
        }
    }

    /// Lets a copy differ from its original by a constant, or nearly.
    pub(crate) fn differ(&mut self, reg: u8) {
        let opcode = self
            .random
            .pick(&[0x07, 0x04, 0x17, 0x14, 0x47, 0x44, 0xa7]);
        let imm = match self.random.percent(60) {
            true => self.random.below(9) as i32 - 4,
            false => self.random.immediate(),
        };
        self.push(opcode, reg, 0, 0, imm);
        if self.random.percent(30) {
            self.add(reg, imm.wrapping_neg());
        }
    }

    /// Extends 32 bits in one of the ways that compilers do.
    pub(crate) fn extend(&mut self, reg: u8) {
        match self.random.below(5) {
            0 => {
                self.push(0xbc, reg, reg, 0, 0);
            }
            1 => {
                self.push(0xbf, reg, reg, 32, 0);
            }
            2 => {
                self.push(0x54, reg, 0, 0, -1);
            }
            _ => {
                let back = self.random.pick(&[0x77, 0xc7]);
                self.push(0x67, reg, 0, 0, 32);
                self.push(back, reg, 0, 0, 32);
            }
        }
    }

    /// A number and a constant meet a copy of the number; then the number is compared.
    pub(crate) fn copies_meet(&mut self) {
        let (number, copy) = (self.number(), self.number());
        if number == copy {
            return;
        }
        let constant = self.random.below(4) as i32;
        let test = self.random.pick(&NUMBERS);
        let other = self.push(0x15, test, 0, 0, 0);
        let copy_first = self.random.percent(50);
        let skip = self.copy_or_constant(copy_first, number, copy, constant);
        let mut skips = Vec::from_iter(skip);
        let join = self.push(0x05, 0, 0, 0, 0);
        self.land(other);
        skips.extend(self.copy_or_constant(!copy_first, number, copy, constant));
        self.land(join);
        let limit = self.random.below(4) as i32;
        skips.push(self.push(0x55, number, 0, 0, limit));
        self.push(0x07, copy, 0, 0, 1);
        for skip in skips {
            self.land(skip);
        }
    }

    /// Gives `copy` the constant, or `number` where it is the constant; elsewhere the returned
    /// branch is taken.
    pub(crate) fn copy_or_constant(
        &mut self,
        as_copy: bool,
        number: u8,
        copy: u8,
        constant: i32,
    ) -> Option<usize> {
        if !as_copy {
            self.set(copy, constant);
            return None;
        }
        let skip = self.push(0x55, number, 0, 0, constant);
        self.mov(copy, number);
        Some(skip)
    }
}
