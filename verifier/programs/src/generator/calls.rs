//! Calls of helpers and of the inner function.

use super::*;

impl Generator<'_> {
    pub(crate) fn helper(&mut self) {
        match self.random.below(5) {
            0 => {
                self.push(0x85, 0, 0, 0, 5);
            }
            1 => {
                self.push(0x85, 0, 0, 0, 7);
            }
            2 => {
                let map = self.random.below(2);
                self.key(map as u32);
                self.mov(3, FRAME);
                self.add(3, -(i32::from(VALUE_SIZES[map as usize])));
                self.set(4, 0);
                self.push(0x85, 0, 0, 0, 2);
            }
            3 => {
                self.key(0);
                self.push(0x85, 0, 0, 0, 3);
            }
            _ => return self.add_space(),
        }
        self.renew_arguments();
    }

    pub(crate) fn add_space(&mut self) {
        let head = self.random.below(40) as i32 - 20;
        let tail = self.random.below(9) as i32;
        self.set(1, head);
        self.set(2, tail);
        self.push(0x85, 0, 0, 0, 60);
        if self.random.percent(93) {
            self.packet_pointers();
        }
        self.renew_arguments();
    }

    pub(crate) fn call(&mut self) {
        self.mov(1, FRAME);
        self.add(1, -32);
        let call = self.push(0x85, 0, 1, 0, 0);
        self.calls.push(call);
        if self.dangling {
            let stored = self.random.percent(50);
            if stored {
                self.push(0x79, ANY, FRAME, -32, 0);
            }
            self.push(0x79, 1, if stored { ANY } else { 0 }, -8, 0);
            self.set(0, 0);
        }
        if self.random.percent(90) {
            self.packet_pointers();
        }
        self.renew_arguments();
    }

    /// `inner(r1 = pointer to 16 bytes of the caller's stack, r2 = number)`.
    pub(crate) fn function(&mut self) {
        self.push(0x7a, FRAME, 0, -8, 3);
        self.mov(ANY, 1);
        let (size, bytes) = self.random.pick(&SIZES);
        let off = 16 - bytes + i16::from(self.random.percent(10));
        self.push(0x61 | size, 0, ANY, off, 0);
        self.push(0x63 | size, ANY, 2, 0, 0);
        self.push(0x57, 2, 0, 0, 7);
        self.push(0x0f, ANY, 2, 0, 0);
        self.push(0x72, ANY, 0, 0, 1);
        if self.random.percent(20) && !self.dangling {
            self.set(1, 0);
            self.set(2, 0);
            self.push(0x85, 0, 0, 0, 60);
        }
        if self.dangling {
            self.mov(0, FRAME);
            self.push(0x7b, 1, FRAME, 0, 0);
        } else if self.random.percent(30) {
            self.push(0x79, 0, FRAME, -8, 0);
        }
        self.push(0x95, 0, 0, 0, 0);
    }

    /// Gives r1 to r5 numbers again after a call.
    pub(crate) fn renew_arguments(&mut self) {
        for reg in 1..=5 {
            if self.random.percent(97) {
                self.fresh_number(reg);
            }
        }
    }
}
