//! Packets, read again by hand: every length and checksum is right unless something was made wrong.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;

use platform_click::limits::MAX_PACKET_SIZE;

use super::*;

fn be16(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]))
}

/// The ones' complement sum of 16-bit words, folded as they are added: 0xffff over data and a right
/// checksum (RFC 1071, 1).
fn sums_up(parts: &[&[u8]]) -> bool {
    let mut sum = 0_u16;
    for word in parts.concat().chunks(2) {
        let word = u16::from_be_bytes([word[0], *word.get(1).unwrap_or(&0)]);
        let (added, carry) = sum.overflowing_add(word);
        sum = added + u16::from(carry);
    }
    sum == 0xffff
}

/// What is around a header: addresses, for checksums.
type Around<'a> = Option<&'a [u8]>;

/// Reads a packet as a receiver does and says which headers it has. Panics where one is not right.
fn headers(bytes: &[u8]) -> Vec<Layer> {
    let mut seen = Vec::new();
    ethernet(bytes, &mut seen);
    seen
}

fn ethernet(bytes: &[u8], seen: &mut Vec<Layer>) {
    seen.push(Layer::Ethernet);
    ether_type(be16(bytes, 12), &bytes[14..], seen);
}

fn ether_type(number: usize, bytes: &[u8], seen: &mut Vec<Layer>) {
    match number {
        0x0800 => ipv4(bytes, seen),
        0x86dd => ipv6(bytes, seen),
        0x0806 => {
            seen.push(Layer::Arp);
            assert_eq!(bytes[..6], [0, 1, 8, 0, 6, 4]);
            assert!([1, 2].contains(&be16(bytes, 6)) && bytes.len() >= 28);
        }
        0x8100 | 0x88a8 => {
            seen.push(Layer::Vlan);
            ether_type(be16(bytes, 2), &bytes[4..], seen);
        }
        0x8847 => {
            seen.push(Layer::Mpls);
            let inside = &bytes[4..];
            match (bytes[2] & 1, inside.first().map(|byte| byte >> 4)) {
                (0, _) => ether_type(0x8847, inside, seen),
                (_, Some(4)) => ipv4(inside, seen),
                (_, Some(6)) => ipv6(inside, seen),
                _ => panic!("nothing is labelled"),
            }
        }
        _ => seen.push(Layer::Payload),
    }
}

fn ipv4(bytes: &[u8], seen: &mut Vec<Layer>) {
    seen.push(Layer::Ipv4);
    assert_eq!(bytes[0] >> 4, 4);
    let size = usize::from(bytes[0] & 15) * 4;
    assert!(size >= 20);
    assert_eq!(be16(bytes, 2), bytes.len());
    assert!(sums_up(&[&bytes[..size]]));
    options(&bytes[20..size]);
    protocol(bytes[9], &bytes[size..], Some(&bytes[12..20]), seen);
}

/// Options of IPv4 or TCP end where the header does.
fn options(mut bytes: &[u8]) {
    while let Some(kind) = bytes.first() {
        bytes = match kind {
            0 => return,
            1 => &bytes[1..],
            _ => {
                assert!(bytes[1] >= 2);
                &bytes[usize::from(bytes[1])..]
            }
        };
    }
}

fn ipv6(bytes: &[u8], seen: &mut Vec<Layer>) {
    seen.push(Layer::Ipv6);
    assert_eq!(bytes[0] >> 4, 6);
    assert_eq!(be16(bytes, 4) + 40, bytes.len());
    protocol(bytes[6], &bytes[40..], Some(&bytes[8..40]), seen);
}

fn protocol(number: u8, bytes: &[u8], around: Around<'_>, seen: &mut Vec<Layer>) {
    let is_v6 = around.is_some_and(|addresses| addresses.len() == 32);
    let length = (bytes.len() as u32).to_be_bytes();
    let pseudo = [around.unwrap_or_default(), &length, &[0, 0, 0, number]].concat();
    match number {
        6 => {
            seen.push(Layer::Tcp);
            let size = usize::from(bytes[12] >> 4) * 4;
            assert!(size >= 20 && bytes[12] & 15 == 0);
            options(&bytes[20..size]);
            assert!(sums_up(&[&pseudo, bytes]));
        }
        17 => {
            seen.push(Layer::Udp);
            assert_eq!(be16(bytes, 4), bytes.len());
            assert_ne!(be16(bytes, 6), 0);
            assert!(sums_up(&[&pseudo, bytes]));
            match be16(bytes, 2) {
                53 => dns(&bytes[8..], seen),
                4789 => {
                    seen.push(Layer::Vxlan);
                    assert_eq!((bytes[8], bytes[15]), (8, 0));
                    ethernet(&bytes[16..], seen);
                }
                _ => seen.push(Layer::Payload),
            }
        }
        1 if !is_v6 => {
            seen.push(Layer::Icmp);
            assert!(bytes.len() >= 8 && sums_up(&[bytes]));
        }
        58 => {
            seen.push(Layer::Icmpv6);
            assert!(bytes.len() >= 8 && sums_up(&[&pseudo, bytes]));
        }
        0 | 43 | 60 if is_v6 => {
            seen.push(Layer::Extension);
            let size = (usize::from(bytes[1]) + 1) * 8;
            let mut inside = &bytes[2..size];
            while let [kind, length, ..] = *inside {
                assert!([1, 5].contains(&kind));
                inside = &inside[2 + usize::from(length)..];
            }
            assert!(inside.is_empty());
            protocol(bytes[0], &bytes[size..], around, seen);
        }
        44 if is_v6 => {
            seen.push(Layer::Fragment);
            protocol(bytes[0], &bytes[8..], around, seen);
        }
        47 => {
            seen.push(Layer::Gre);
            let words = (bytes[0] >> 5 & 1) + (bytes[0] >> 4 & 1);
            let inside = &bytes[4 + 4 * usize::from(words)..];
            match be16(bytes, 2) {
                0x6558 => ethernet(inside, seen),
                number => ether_type(number, inside, seen),
            }
        }
        4 => ipv4(bytes, seen),
        41 => ipv6(bytes, seen),
        _ => seen.push(Layer::Payload),
    }
}

fn dns(bytes: &[u8], seen: &mut Vec<Layer>) {
    seen.push(Layer::Dns);
    assert_eq!(be16(bytes, 4), 1);
    let mut rest = &bytes[12..];
    while rest[0] != 0 {
        assert!(rest[0] < 64);
        rest = &rest[1 + usize::from(rest[0])..];
    }
    assert!([1, 28].contains(&be16(rest, 1)) && be16(rest, 3) == 1);
}

/// A program that has every number by which headers announce each other.
fn numbers() -> Numbers {
    let next = HEADERS.iter().flat_map(|header| header.next);
    Numbers::new(
        next.filter_map(|(number, _)| number.map(u64::from))
            .collect(),
    )
}

/// Whether the packet ends where it seems to: a payload is not announced as a header that it is not.
fn announces_nothing(made: &Made) -> bool {
    let Some((last, start)) = made.layers.last().copied() else {
        return true;
    };
    let Some((at, width)) = header(last).and_then(|header| header.next_at) else {
        return made.layers.len() < MAX_DEPTH;
    };
    let bytes = &made.bytes[start + at..start + at + width];
    let number = bytes
        .iter()
        .fold(0, |all, byte| all << 8 | u32::from(*byte));
    let mut all = HEADERS.iter().flat_map(|header| header.next);
    !all.any(|(announced, _)| *announced == Some(number))
}

#[test]
fn packets_are_what_receivers_expect() {
    let mut random = Random::new(1);
    let numbers = numbers();
    let mut seen = BTreeMap::new();
    let mut checked = 0;
    for _ in 0..20_000 {
        let made = well_formed(&mut random, &numbers);
        assert!(made.bytes.len() <= MAX_PACKET_SIZE);
        if !announces_nothing(&made) {
            continue;
        }
        checked += 1;
        let read = headers(&made.bytes);
        let made: Vec<Layer> = made.layers.iter().map(|(layer, _)| *layer).collect();
        let ends = read.strip_suffix(&[Layer::Payload]).unwrap_or(&read);
        assert_eq!(ends, made);
        for layer in made {
            *seen.entry(format!("{layer:?}")).or_insert(0) += 1;
        }
    }
    assert!(checked > 10_000, "{checked}");
    // Every header of the table is in many of them.
    for header in HEADERS {
        let count = seen.get(&format!("{:?}", header.layer));
        assert!(count.is_some_and(|count| *count > 100), "{seen:?}");
    }
}

/// What a program has numbers of is in most packets, in either byte order.
#[test]
fn protocols_follow_the_program() {
    for (number, layer) in [
        (0x86dd_u64, Layer::Ipv6),
        (0xdd86, Layer::Ipv6),
        (0x0806, Layer::Arp),
        (0x8847, Layer::Mpls),
    ] {
        let mut random = Random::new(2);
        let numbers = Numbers::new(vec![number]);
        let has = |made: &Made| {
            made.layers
                .get(1)
                .is_some_and(|(second, _)| *second == layer)
        };
        let all = (0..1_000).map(|_| well_formed(&mut random, &numbers));
        let count = all.filter(has).count();
        assert!(count > 400, "{number:#x}: {count}");
    }
}

/// Marks are where lengths, announcements and checksums are.
#[test]
fn what_is_made_wrong_is_what_programs_believe() {
    let mut random = Random::new(3);
    let numbers = numbers();
    let (mut shorter, mut longer, mut lies) = (0, 0, 0);
    for _ in 0..2_000 {
        let good = well_formed(&mut random, &numbers);
        for (at, width) in &good.marks {
            assert!(at + width <= good.bytes.len());
        }
        let mut bad = good.clone();
        wrong::spoil(&mut bad, &mut random, &numbers);
        assert!(bad.bytes.len() <= MAX_PACKET_SIZE);
        shorter += usize::from(bad.bytes.len() < good.bytes.len());
        longer += usize::from(bad.bytes.len() > good.bytes.len());
        lies += usize::from(bad.bytes.len() == good.bytes.len() && bad.bytes != good.bytes);
    }
    assert!(
        shorter > 300 && longer > 300 && lies > 300,
        "{shorter} {longer} {lies}"
    );
}

/// Lengths from none to the largest.
#[test]
fn packets_have_every_length() {
    let mut random = Random::new(4);
    let numbers = numbers();
    let lengths: Vec<usize> = (0..20_000)
        .map(|_| packet(&mut random, &numbers).len())
        .collect();
    let between = |low: usize, high: usize| {
        let inside = lengths
            .iter()
            .filter(|length| (low..=high).contains(length));
        inside.count()
    };
    assert!(between(0, 13) > 100 && between(14, 60) > 1_000 && between(61, 1_514) > 1_000);
    assert!(between(1_515, 60_000) > 50 && between(60_001, MAX_PACKET_SIZE) > 50);
}
