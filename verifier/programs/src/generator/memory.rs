//! The stack, maps and data.

use super::*;

impl Generator<'_> {
    /// A number goes to the stack or comes from it, whole or in part, aligned or not.
    pub(crate) fn stack_number(&mut self) {
        let reg = self.number();
        let (size, bytes) = self.random.pick(&SIZES);
        let place = -(bytes + self.random.below(41 - bytes as u64) as i16);
        let off = match self.random.percent(60) {
            true => place.div_euclid(bytes) * bytes,
            false => place,
        };
        match self.random.below(5) {
            0 | 1 => self.push(0x61 | size, reg, FRAME, off.max(-40), 0),
            2 if bytes < 8 => self.push(0x81 | size, reg, FRAME, off.max(-40), 0),
            3 => {
                let imm = self.random.immediate();
                self.push(0x62 | size, FRAME, 0, off, imm)
            }
            _ => self.push(0x63 | size, FRAME, reg, off, 0),
        };
    }

    pub(crate) fn stack(&mut self) {
        let reg = self.number();
        let (size, bytes) = self.random.pick(&SIZES);
        let place = self.random.below(40) as i16 - 40;
        let off = match self.random.percent(70) {
            true => place.div_euclid(bytes) * bytes,
            false => place.min(-bytes) + i16::from(self.random.percent(2)),
        };
        match self.random.below(8) {
            0..=1 => {
                self.push(0x61 | size, reg, FRAME, off, 0);
            }
            2 if bytes < 8 => {
                self.push(0x81 | size, reg, FRAME, off, 0);
            }
            3 => {
                let imm = self.random.immediate();
                self.push(0x62 | size, FRAME, 0, off, imm);
            }
            4 => {
                // A variable place.
                let start = self.random.pick(&[-40, -40, -40, -128]);
                self.mov(ANY, FRAME);
                self.add(ANY, start);
                self.push(0x57, reg, 0, 0, 31);
                self.push(0x0f, ANY, reg, 0, 0);
                if start == -128 {
                    // Bytes that are not initialised, but perhaps now.
                    self.push(0x62 | size, ANY, 0, 0, 1);
                    self.push(0x71, reg, FRAME, -128, 0);
                    self.add(reg, 1);
                } else if self.random.percent(50) {
                    self.push(0x62 | size, ANY, 0, 0, 1);
                } else {
                    self.push(0x61 | size, reg, ANY, 0, 0);
                }
            }
            5 => self.kept_pointer(reg),
            _ => {
                self.push(0x63 | size, FRAME, reg, off, 0);
                if self.random.percent(30) {
                    let again = self.number();
                    self.push(0x61 | size, again, FRAME, off, 0);
                }
            }
        }
    }

    /// A pointer is kept on the stack and taken up again.
    pub(crate) fn kept_pointer(&mut self, reg: u8) {
        let slot = -48 - 8 * self.random.below(2) as i16;
        let pointer = self.random.pick(&[CONTEXT, PACKET, FRAME]);
        self.mov(ANY, PACKET);
        self.add(ANY, 14);
        let branch = self.packet_branch();
        self.push(0x7b, FRAME, pointer, slot, 0);
        match self.random.below(8) {
            0..=1 => self.part(3),
            2 => self.add_space(),
            3 => self.call(),
            _ => {}
        }
        // Compared again, for the packet may have moved; the kept pointer is stale all the same.
        let again = self.random.percent(60).then(|| {
            self.mov(ANY, PACKET);
            self.add(ANY, 14);
            self.packet_branch()
        });
        self.push(0x79, ANY, FRAME, slot, 0);
        let off = match pointer {
            CONTEXT => 20,
            PACKET => 0,
            _ => -4,
        };
        self.push(0x61, reg, ANY, off, 0);
        if let Some(again) = again {
            self.land(again);
        }
        self.land(branch);
    }

    /// A load or store of `bytes` bytes.
    pub(crate) fn access(&mut self, base: u8, off: i16, bytes: i16) {
        let reg = self.number();
        let size = SIZES.iter().find(|(_, size)| *size == bytes).unwrap().0;
        match self.random.below(5) {
            0 => self.push(0x63 | size, base, reg, off, 0),
            1 => self.push(0x62 | size, base, 0, off, -1),
            2 if bytes < 8 => self.push(0x81 | size, reg, base, off, 0),
            _ => self.push(0x61 | size, reg, base, off, 0),
        };
    }

    pub(crate) fn data(&mut self) {
        let section = u32::from(self.random.percent(80));
        let (_, bytes) = self.random.pick(&SIZES);
        let start = self.random.below(8) as i16;
        self.load_wide(ANY, 2, section, start as u32);
        let off = DATA_SIZE - start - bytes + i16::from(self.random.percent(5));
        self.access(ANY, off, bytes);
    }

    pub(crate) fn atomic(&mut self) {
        let reg = self.number();
        let op = self
            .random
            .pick(&[0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1]);
        let (opcode, bytes) = self.random.pick(&[(0xdb, 8), (0xc3, 4)]);
        let off = -bytes * (1 + self.random.below(5) as i16);
        self.push(opcode, FRAME, reg, off, op);
    }

    pub(crate) fn key(&mut self, map: u32) {
        let key = self.random.below(5) as i32;
        self.push(0x62, FRAME, 0, -68, key);
        self.load_wide(1, 1, map, 0);
        self.mov(2, FRAME);
        self.add(2, -68);
    }

    pub(crate) fn map_value(&mut self) {
        let map = self.random.below(2);
        let size = VALUE_SIZES[map as usize];
        self.key(map as u32);
        self.push(0x85, 0, 0, 0, 1);
        self.mov(ANY, 0);
        if self.random.percent(4) {
            // Null plus an offset is not null.
            self.add(ANY, 8);
        }
        let tested = self.random.pick(&[0, ANY]);
        let branch = self
            .random
            .percent(95)
            .then(|| self.push(0x15, tested, 0, 0, 0));
        self.renew_arguments();
        let (_, bytes) = self.random.pick(&SIZES);
        let mut off = size - bytes + i16::from(self.random.percent(5));
        self.set(0, 1);
        match self.random.below(3) {
            0 => {
                let index = self.random.pick(&[1, 2, 3]);
                self.push(0x57, index, 0, 0, i32::from(bytes));
                self.push(0x0f, ANY, index, 0, 0);
                off -= bytes;
            }
            1 => {
                let index = self.random.pick(&[1, 2, 3]);
                let opcode = self.random.pick(&[0x25, 0x26, 0x35]);
                let skip = self.push(opcode, index, 0, 0, i32::from(off));
                self.push(0x0f, ANY, index, 0, 0);
                self.access(ANY, 0, bytes);
                self.land(skip);
                off = 0;
                self.set(ANY, 0);
                self.mov(ANY, FRAME);
                self.add(ANY, -40);
            }
            _ => {}
        }
        self.access(ANY, off, bytes);
        self.set(ANY, 0);
        if let Some(branch) = branch {
            // When the value is null, r1 to r5 are still gone.
            let over = self.push(0x05, 0, 0, 0, 0);
            self.land(branch);
            self.set(0, 0);
            self.set(ANY, 0);
            self.renew_arguments();
            self.land(over);
        }
    }

    /// Two lookups: one is tested, one is used.
    pub(crate) fn two_map_values(&mut self) {
        self.key(0);
        self.push(0x85, 0, 0, 0, 1);
        self.push(0x7b, FRAME, 0, -56, 0);
        self.key(0);
        self.push(0x85, 0, 0, 0, 1);
        self.push(0x79, ANY, FRAME, -56, 0);
        self.renew_arguments();
        let (tested, mut used) = match self.random.percent(50) {
            true => (0, ANY),
            false => (ANY, 0),
        };
        if self.random.percent(85) {
            used = tested;
        }
        let branch = self.push(0x15, tested, 0, 0, 0);
        self.push(0x79, 1, used, 8, 0);
        self.land(branch);
        self.set(0, 0);
    }
}
