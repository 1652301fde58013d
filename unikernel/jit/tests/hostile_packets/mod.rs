//! Packets that are nearly right: headers that programs look for, cut, bent and stacked.

/// SplitMix64: the same packets for the same seed, everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        (((self.next() >> 32) * u64::from(limit)) >> 32) as u32
    }

    fn one_in(&mut self, many: u32) -> bool {
        self.below(many) == 0
    }

    fn one_of<T: Copy>(&mut self, these: &[T]) -> T {
        these[self.below(these.len() as u32) as usize]
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        for chunk in bytes.chunks_mut(8) {
            let number = self.next().to_le_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
        bytes
    }
}

/// A packet for a program that does not expect it.
pub(crate) fn packet(random: &mut Random) -> Vec<u8> {
    let mut packet = match random.below(16) {
        0 => {
            let len = random.one_of(&[0, 1, 13, 14, 15, 33, 34, 60, 64, 128]);
            random.bytes(len)
        }
        1 => pppoe(random),
        2..=4 => {
            let inner = ipv6(random);
            frame(random, [0x86, 0xdd], &inner)
        }
        // Without Ethernet: some programs come behind what takes it off.
        5 | 6 => ipv4(random),
        _ => {
            let inner = ipv4(random);
            frame(random, [8, 0], &inner)
        }
    };
    if random.one_in(3) {
        let len = random.below(packet.len() as u32 + 1) as usize;
        packet.truncate(len);
    }
    if random.one_in(3) && !packet.is_empty() {
        for _ in 0..=random.below(3) {
            let at = random.below(packet.len().min(96) as u32) as usize;
            packet[at] = random.one_of(&[0, 1, 0x7f, 0x80, 0xff, 0x45, 0x4f]);
        }
    }
    // Jumbo frames are rare: they take as long as a hundred others.
    if random.one_in(64) {
        packet.resize(9018, 0x61);
    }
    packet
}

/// An Ethernet header, and up to four VLAN tags.
fn frame(random: &mut Random, kind: [u8; 2], payload: &[u8]) -> Vec<u8> {
    let mut frame = random.bytes(12);
    if random.one_in(4) {
        for _ in 0..=random.below(4) {
            frame.extend(random.one_of(&[[0x81, 0], [0x88, 0xa8]]));
            frame.extend([0, random.below(256) as u8]);
        }
    }
    frame.extend(kind);
    frame.extend(payload);
    frame
}

/// IPv4 with whatever length of its header, as a fragment or not.
fn ipv4(random: &mut Random) -> Vec<u8> {
    let words = if random.one_in(4) {
        random.below(16)
    } else {
        5
    } as u8;
    let protocol = random.one_of(&[6, 6, 17, 17, 1, 2, 4, 47, 132]);
    let payload = transport(random, protocol);
    let len = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let fragment = random.one_of(&[[0; 2], [0; 2], [0x40, 0], [0x20, 0], [0, 1], [0x1f, 0xff]]);
    let ttl = random.one_of(&[0, 1, 2, 64, 255]);
    let mut header = vec![0x40 | words, random.below(256) as u8, len[0], len[1], 0, 1];
    header.extend([fragment[0], fragment[1], ttl, protocol, 0, 0]);
    for _ in 0..2 {
        header.extend(random.one_of(&[
            [10, 0, 0, 1],
            [172, 44, 0, 1],
            [0; 4],
            [224, 0, 0, 1],
            [239, 1, 2, 3],
        ]));
    }
    header.resize(header.len().max(usize::from(words) * 4), 1);
    header.extend(payload);
    header
}

/// IPv6 with a chain of extension headers, some of which say that they are longer than the packet.
fn ipv6(random: &mut Random) -> Vec<u8> {
    let mut chain = Vec::new();
    let mut kinds: Vec<u8> = Vec::new();
    for _ in 0..random.below(11) {
        kinds.push(random.one_of(&[0, 43, 44, 51, 60, 135]));
    }
    let last = random.one_of(&[6, 17, 58, 59]);
    for next in kinds.iter().skip(1).chain([&last]) {
        let units = if random.one_in(16) {
            255
        } else {
            random.below(3) as u8
        };
        let mut header = random.bytes(8 + usize::from(units % 3) * 8);
        header[0] = *next;
        header[1] = units;
        chain.extend(header);
    }
    let payload = transport(random, last);
    let len = u16::try_from(chain.len() + payload.len())
        .unwrap()
        .to_be_bytes();
    let first = *kinds.first().unwrap_or(&last);
    let mut header = vec![
        0x60,
        0,
        0,
        0,
        len[0],
        len[1],
        first,
        random.one_of(&[0, 1, 64]),
    ];
    for _ in 0..2 {
        header.extend(if random.one_in(2) {
            [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1].to_vec()
        } else {
            random.bytes(16)
        });
    }
    [header, chain, payload].concat()
}

/// TCP, UDP, or bytes.
fn transport(random: &mut Random, protocol: u8) -> Vec<u8> {
    let port = random
        .one_of(&[0, 53, 80, 443, 4789, 12345, 50000, 65535_u16])
        .to_be_bytes();
    let mut bytes = [&[0x30, 0x39][..], &port].concat();
    match protocol {
        6 => {
            bytes.extend(random.bytes(8));
            bytes.extend([
                random.below(256) as u8,
                random.one_of(&[2, 0x12, 0x10, 0x11, 4, 0xff]),
                0,
                0,
            ]);
            bytes.extend([0; 4]);
        }
        17 => bytes.extend([0, random.below(64) as u8, 0, random.below(2) as u8]),
        _ => {}
    }
    let text: &[u8] = random.one_of(&[
        b"",
        b"leetcode",
        b"lleetcode",
        b"/bin/sh",
        b"\0\0\x01\0\0\x01\0\0\0\0\0\0\x07blocked\x07example\0\0\x01\0\x01",
        b"\x08\0\0\0\0\0\x07\0\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0\x45\0\0\x14",
        b"\xc0\0\0\0\x01\x08abcdefgh\x08abcdefgh\0\0\0",
    ]);
    bytes.extend(text);
    let padding = random.below(40) as usize;
    bytes.extend(random.bytes(padding));
    bytes
}

/// A PPPoE session, of a few.
fn pppoe(random: &mut Random) -> Vec<u8> {
    let inner = ipv4(random);
    let len = (inner.len() as u16 + random.one_of(&[0, 1, 2, 3, 200])).to_be_bytes();
    let protocol = random.one_of(&[[0, 0x21], [0, 0x57], [0xc0, 0x21]]);
    let session = [
        0x11,
        0,
        0,
        random.below(4) as u8,
        len[0],
        len[1],
        protocol[0],
        protocol[1],
    ];
    frame(random, [0x88, 0x64], &[&session[..], &inner].concat())
}
