//! The packet: pointers into it, and the comparisons before an access.

use super::*;

impl Generator<'_> {
    pub(crate) fn packet_pointers(&mut self) {
        self.push(0x79, PACKET, CONTEXT, 0, 0);
        self.push(0x79, END, CONTEXT, 8, 0);
    }

    /// A branch that skips what follows when `pointer`, in r9, is not within the packet.
    pub(crate) fn packet_branch(&mut self) -> usize {
        let sound: [(u8, bool); 3] = [(0x2d, true), (0x3d, true), (0xad, false)];
        let (opcode, pointer_first) = self.random.pick(&sound);
        let (opcode, pointer_first) = match self.random.percent(3) {
            true => (self.random.pick(&[0xad, 0x1d, 0x5d, 0x6d]), true),
            false => (opcode, pointer_first),
        };
        match pointer_first {
            true => self.push(opcode, ANY, END, 0, 0),
            false => self.push(opcode, END, ANY, 0, 0),
        }
    }

    pub(crate) fn packet_fixed(&mut self) {
        let length = self.random.pick(&[1, 2, 14, 34, 54, 100]);
        self.mov(ANY, PACKET);
        self.add(ANY, length);
        let branch = self.packet_branch();
        for _ in 0..=self.random.below(3) {
            let (_, bytes) = self.random.pick(&SIZES);
            let last = length as i16 - bytes;
            let off = match self.random.below(20) {
                0 => last + 1,
                1..=8 => last,
                _ => self.random.below(last.max(1) as u64 + 1) as i16,
            };
            self.access(PACKET, off.max(0), bytes);
        }
        if self.random.percent(30) {
            self.part(2);
        }
        self.land(branch);
    }

    pub(crate) fn packet_variable(&mut self) {
        let index = self.number();
        let mask = self.random.pick(&[1, 7, 15, 60, 0xff, 0xffff]);
        if self.random.percent(90) {
            self.push(0x57, index, 0, 0, mask);
        }
        let (_, bytes) = self.random.pick(&SIZES);
        let off = self.random.below(20) as i16;
        let slack = self.random.pick(&[0, 0, 0, 0, 0, 0, 0, 0, 1, -1]);
        let end = i32::from(off + bytes + slack);
        if self.random.percent(30) {
            // Number plus constant first: the same position.
            let sum = self.number();
            self.mov(sum, index);
            self.add(sum, end);
            self.mov(ANY, PACKET);
            self.push(0x0f, ANY, sum, 0, 0);
        } else {
            self.mov(ANY, PACKET);
            self.push(0x0f, ANY, index, 0, 0);
            self.add(ANY, end);
        }
        let branch = self.packet_branch();
        if self.random.percent(50) {
            // The same sum again.
            self.mov(ANY, PACKET);
            if self.random.percent(10) {
                self.add(index, 1);
            }
            self.push(0x0f, ANY, index, 0, 0);
            self.access(ANY, off, bytes);
        } else {
            self.access(ANY, -bytes - slack, bytes);
        }
        self.land(branch);
    }

    /// A header that is there or not: two positions meet behind it.
    pub(crate) fn positions_meet(&mut self) {
        let length = self.random.pick(&[18, 20, 34]);
        self.mov(ANY, PACKET);
        self.add(ANY, length);
        let branch = self.packet_branch();
        let (near, far) = (self.random.below(16) as i32, self.random.below(20) as i32);
        self.mov(ANY, PACKET);
        self.add(ANY, near);
        let reg = self.number();
        let join = self.push(0x15, reg, 0, 0, 7);
        self.add(ANY, far - near);
        self.land(join);
        let (_, bytes) = self.random.pick(&SIZES);
        let off = (length - near.max(far)) as i16 - bytes + i16::from(self.random.percent(8));
        self.access(ANY, off.max(-near.min(far) as i16), bytes);
        self.land(branch);
    }

    /// A comparison that the largest packet passes, or none at all.
    pub(crate) fn packet_large(&mut self) {
        let length = self.random.pick(&[1000, 65_533, 65_534, 65_535, 70_000]);
        self.mov(ANY, PACKET);
        self.add(ANY, length);
        let branch = self.packet_branch();
        let (_, bytes) = self.random.pick(&SIZES);
        if self.random.percent(50) {
            self.mov(ANY, PACKET);
            self.add(ANY, length - 1000);
            let off = 1000 - bytes + i16::from(self.random.percent(5));
            self.access(ANY, off, bytes);
        } else {
            self.access(PACKET, 900, bytes);
        }
        self.land(branch);
    }

    pub(crate) fn packet_length(&mut self) {
        let length = self.number();
        self.mov(length, END);
        let class = self.random.pick(&[0x1f, 0x1f, 0x1c]);
        self.push(class, length, PACKET, 0, 0);
        let least = self.random.pick(&[1, 14, 34]);
        let opcode = self.random.pick(&[0xa5, 0xa6, 0xc5]);
        let branch = self.push(opcode, length, 0, 0, least);
        let (_, bytes) = self.random.pick(&SIZES);
        let off = least as i16 - bytes + i16::from(self.random.percent(8));
        self.access(PACKET, off.max(0), bytes);
        self.land(branch);
    }
}
