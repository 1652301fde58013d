//! What the samples are for: their maps filled as a control plane does, packets, and what becomes of them.
//! Every run is in the interpreter and as machine code, which must agree.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

mod both;
mod corpus;

use std::collections::BTreeMap;

use bpf_jit::Options;

use both::{Both, FUEL, Left};
use corpus::program;

const DROP: u64 = 1;
const PASS: u64 = 2;
/// Of a rewriter.
const ABORT: u64 = 0;
const SUCCESS: u64 = 1;

type Address = [u8; 4];

fn sample(name: &str) -> Both {
    both(&format!("ebpf-samples/accept/{name}"))
}

fn in_rust(name: &str) -> Both {
    both(&format!("ebpf-samples/rust/objects/{name}"))
}

fn both(object: &str) -> Both {
    let image = program(object);
    // SAFETY: a run is repeated as machine code only after the interpreter found no fault in it.
    unsafe { Both::new(&image, &Options::default()) }
}

fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    let addresses = [2, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1];
    [&addresses[..], &kind.to_be_bytes(), payload].concat()
}

/// The Internet checksum (RFC 1071); zero over what holds its own.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|pair| (u32::from(pair[0]) << 8) | u32::from(*pair.get(1).unwrap_or(&0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn ipv4(protocol: u8, source: Address, destination: Address, payload: &[u8]) -> Vec<u8> {
    let len = (20 + payload.len() as u16).to_be_bytes();
    let mut header = vec![0x45, 0, len[0], len[1], 0, 1, 0, 0, 64, protocol, 0, 0];
    header.extend([source, destination].concat());
    let sum = checksum(&header).to_be_bytes();
    header[10..12].copy_from_slice(&sum);
    header.extend(payload);
    ethernet(0x0800, &header)
}

fn ipv6(next: u8, source: [u8; 16], payload: &[u8]) -> Vec<u8> {
    let len = (payload.len() as u16).to_be_bytes();
    let mut header = vec![0x60, 0, 0, 0, len[0], len[1], next, 64];
    header.extend([source, [0; 16]].concat());
    header.extend(payload);
    ethernet(0x86dd, &header)
}

/// UDP without a checksum.
fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let len = 8 + payload.len() as u16;
    let header = [source, destination, len, 0].map(u16::to_be_bytes).concat();
    [header, payload.to_vec()].concat()
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

fn tcp(source: u16, destination: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut segment = [source, destination].map(u16::to_be_bytes).concat();
    segment.extend([0; 8]);
    segment.extend([0x50, flags, 0x10, 0, 0, 0, 0, 0]);
    segment.extend(payload);
    segment
}

fn run(both: &mut Both, packet: &[u8]) -> Left {
    both.run(packet, FUEL).unwrap()
}

fn verdict(both: &mut Both, packet: &[u8]) -> u64 {
    run(both, packet).value
}

fn words<const N: usize>(words: [u32; N]) -> Vec<u8> {
    words.map(u32::to_le_bytes).concat()
}

const CLIENT: Address = [10, 1, 2, 3];
const SERVER: Address = [192, 0, 2, 1];

#[test]
fn packet_filter() {
    let mut filter = sample("packet-filter");
    let from = |source| ipv4(17, source, SERVER, &udp(1, 2, &[]));
    assert_eq!(
        verdict(&mut filter, &from(CLIENT)),
        DROP,
        "a table that nobody filled"
    );
    let prefix = |bits: u32, address: &[u8]| [&bits.to_le_bytes(), address].concat();
    filter.set("ipv4", &prefix(0, &[0; 4]), &words([1]));
    filter.set("ipv4", &prefix(8, &[10, 0, 0, 0]), &words([2]));
    filter.set("ipv4", &prefix(24, &[10, 1, 2, 0]), &words([1]));
    filter.set("ipv4", &prefix(32, &[10, 1, 2, 9]), &words([2]));
    for (source, expected) in [
        ([8, 8, 8, 8], PASS),
        ([10, 9, 9, 9], DROP),
        ([10, 1, 2, 3], PASS),
        ([10, 1, 2, 9], DROP),
    ] {
        assert_eq!(verdict(&mut filter, &from(source)), expected, "{source:?}");
        let frame = from(source);
        let mut tagged = frame.clone();
        for tags in 1..=3 {
            tagged = [&tagged[..12], &[0x81, 0, 0, 5], &tagged[12..]].concat();
            let expected = if tags > 2 { DROP } else { expected };
            assert_eq!(
                verdict(&mut filter, &tagged),
                expected,
                "{source:?}, {tags} tags"
            );
        }
    }
    let mut host = [0; 16];
    host[..4].copy_from_slice(&[0x20, 1, 0xd, 0xb8]);
    host[15] = 1;
    let packet = ipv6(17, host, &udp(1, 2, &[]));
    assert_eq!(verdict(&mut filter, &packet), DROP);
    filter.set("ipv6", &prefix(32, &host), &words([1]));
    assert_eq!(verdict(&mut filter, &packet), PASS);
    filter.set("ipv6", &prefix(128, &host), &words([2]));
    assert_eq!(verdict(&mut filter, &packet), DROP);
    assert_eq!(verdict(&mut filter, &packet[..40]), DROP, "cut");
    assert_eq!(verdict(&mut filter, &ethernet(0x0806, &[])), PASS, "ARP");
}

#[test]
fn blocker() {
    let mut filter = sample("blocker");
    let rule = |protocol: u8, port: u16| [&[protocol, 0][..], &port.to_be_bytes()].concat();
    let packet = ipv4(6, CLIENT, SERVER, &tcp(9, 23, SYN, &[]));
    assert_eq!(verdict(&mut filter, &packet), PASS);
    filter.set("rules", &rule(6, 23), &[0; 8]);
    assert_eq!(verdict(&mut filter, &packet), DROP);
    assert_eq!(
        verdict(&mut filter, &ipv4(17, CLIENT, SERVER, &udp(9, 23, &[]))),
        PASS
    );
    assert_eq!(
        verdict(&mut filter, &ipv6(6, [1; 16], &tcp(9, 23, SYN, &[]))),
        DROP
    );
    assert_eq!(filter.value("rules", &rule(6, 23)), 2_u64.to_le_bytes());
    filter.remove("rules", &rule(6, 23));
    assert_eq!(verdict(&mut filter, &packet), PASS);
}

#[test]
fn firewall_table() {
    let mut filter = sample("firewall-table");
    let ssh = ipv4(6, CLIENT, SERVER, &tcp(9, 22, SYN, &[]));
    assert_eq!(verdict(&mut filter, &ssh), DROP);
    let office = [8_u32.to_le_bytes(), [10, 0, 0, 0]].concat();
    filter.set("networks", &office, &words([7]));
    assert_eq!(verdict(&mut filter, &ssh), DROP);
    let rule = [&7_u32.to_le_bytes()[..], &[6, 0], &22_u16.to_be_bytes()].concat();
    filter.set("rules", &rule, &[0; 8]);
    assert_eq!(verdict(&mut filter, &ssh), PASS);
    let outside = ipv4(6, [9, 9, 9, 9], SERVER, &tcp(9, 22, SYN, &[]));
    assert_eq!(verdict(&mut filter, &outside), DROP);
    assert_eq!(filter.value("rules", &rule), 1_u64.to_le_bytes());
}

/// Maglev's table (Eisenbud et al., NSDI 2016, 3.4), as the control plane fills it.
fn maglev(backends: &[u32]) -> Vec<u32> {
    const SIZE: usize = 1021;
    let mix = |number: u32, seed: u64| {
        let mixed = (u64::from(number) + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32
    };
    let starts = backends.iter().map(|&number| {
        let offset = mix(number, 1) as usize % SIZE;
        (number, offset, mix(number, 2) as usize % (SIZE - 1) + 1)
    });
    let mut turns: Vec<_> = starts.collect();
    let mut table = vec![None; SIZE];
    let mut left = SIZE;
    while left > 0 {
        for (number, at, skip) in &mut turns {
            while table[*at].is_some() {
                *at = (*at + *skip) % SIZE;
            }
            table[*at] = Some(*number);
            left -= 1;
            if left == 0 {
                break;
            }
        }
    }
    table.into_iter().flatten().collect()
}

const SERVICE: Address = [10, 0, 0, 100];

fn backend(number: u32, healthy: bool, tunnel: bool) -> Vec<u8> {
    let mut value = vec![
        2,
        0,
        0,
        0,
        1,
        number as u8,
        u8::from(healthy),
        u8::from(tunnel),
    ];
    value.extend([10, 2, 0, number as u8]);
    value.resize(24, 0);
    value
}

fn balancer(backends: &[u32]) -> Both {
    let mut both = sample("load-balancer");
    let service = [&SERVICE[..], &[10, 0, 0, 1], &[2, 0, 0, 0, 0, 9], &[0; 2]].concat();
    both.set("service", &words([0]), &service);
    for &number in backends {
        both.set("backends", &words([number]), &backend(number, true, false));
    }
    fill_table(&mut both, backends);
    both
}

fn fill_table(both: &mut Both, backends: &[u32]) {
    for (entry, number) in (0..).zip(maglev(backends)) {
        both.set("table", &words([entry]), &words([number]));
    }
}

fn flow(number: u32) -> Vec<u8> {
    let source = [10, 9, (number >> 8) as u8, number as u8];
    ipv4(
        6,
        source,
        SERVICE,
        &tcp(1024 + (number % 977) as u16, 80, ACK, b"x"),
    )
}

/// The backend of each flow.
fn spread(both: &mut Both, flows: u32) -> Vec<u8> {
    (0..flows)
        .map(|number| {
            let left = both.run_alone(&flow(number), FUEL).unwrap();
            assert_eq!(left.value, SUCCESS);
            left.packet[5]
        })
        .collect()
}

#[test]
fn load_balancer_spreads_and_sticks() {
    let backends = [3, 5, 8, 13, 21];
    let mut both = balancer(&backends);
    let first = spread(&mut both, 2000);
    let mut counts: BTreeMap<u8, u32> = BTreeMap::new();
    for backend in &first {
        *counts.entry(*backend).or_default() += 1;
    }
    // 400 each are expected, with a standard deviation of 18.
    assert_eq!(counts.len(), 5);
    assert!(
        counts.values().all(|count| (310..490).contains(count)),
        "{counts:?}"
    );
    // A backend more takes only new flows.
    both.set("backends", &words([34]), &backend(34, true, false));
    fill_table(&mut both, &[3, 5, 8, 13, 21, 34]);
    assert_eq!(spread(&mut both, 2000), first);
    // One that is ill loses its flows, and the others keep theirs.
    both.set("backends", &words([8]), &backend(8, false, false));
    fill_table(&mut both, &[3, 5, 13, 21, 34]);
    let after = spread(&mut both, 2000);
    for (before, after) in first.iter().zip(&after) {
        assert_ne!(*after, 8);
        assert!(before == after || *before == 8);
    }
    // Without what is remembered, consistent hashing moves few more than it must: a fifth.
    let moved = first
        .iter()
        .zip(spread(&mut balancer(&[3, 5, 13, 21]), 2000));
    let moved = moved.filter(|(before, after)| *before != after && **before != 8);
    let moved = moved.count();
    assert!(moved < 300, "{moved} flows of healthy backends moved");
}

#[test]
fn load_balancer_says_no() {
    let mut both = balancer(&[1]);
    let mut fragment = flow(1);
    fragment[20] = 0x20;
    assert_eq!(verdict(&mut both, &fragment), ABORT);
    let other = ipv4(6, CLIENT, SERVER, &tcp(1, 2, SYN, &[]));
    let left = run(&mut both, &other);
    assert_eq!((left.value, left.packet), (SUCCESS, other));
    both.set("backends", &words([1]), &backend(1, false, false));
    assert_eq!(verdict(&mut both, &flow(1)), ABORT, "nobody is healthy");
}

#[test]
fn load_balancer_encapsulates() {
    let mut both = balancer(&[1]);
    both.set("backends", &words([1]), &backend(1, true, true));
    let inner = flow(7);
    let left = run(&mut both, &inner);
    assert_eq!(left.value, SUCCESS);
    let packet = left.packet;
    assert_eq!(packet.len(), inner.len() + 20);
    assert_eq!(packet[..14], [2, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 9, 8, 0]);
    let outer = &packet[14..34];
    assert_eq!((outer[0], outer[9]), (0x45, 4));
    assert_eq!(outer[2..4], (packet.len() as u16 - 14).to_be_bytes());
    assert_eq!(outer[12..], [10, 0, 0, 1, 10, 2, 0, 1]);
    assert_eq!(checksum(outer), 0);
    assert_eq!(packet[34..], inner[14..]);
}

/// `jitter` with a line, and packets through it.
fn line(drop: u32, duplicate: u32, reorder: u32, delay_ns: u64, jitter_ns: u64) -> Vec<Left> {
    let mut both = sample("jitter");
    both.annotations.delay_ns = 0;
    let mut value = words([drop, duplicate, reorder, 0]);
    value.extend([delay_ns.to_le_bytes(), jitter_ns.to_le_bytes()].concat());
    both.set("line", &words([0]), &value);
    (0..20_000)
        .map(|_| both.run_alone(&[0; 64], FUEL).unwrap())
        .collect()
}

#[test]
fn jitter() {
    let part = |percent: u32| 65_536 * percent / 100;
    let share = |runs: &[Left], is: &dyn Fn(&Left) -> bool| {
        runs.iter().filter(|left| is(left)).count() as f64 / runs.len() as f64
    };
    let runs = line(part(10), part(20), part(30), 1_000_000, 500_000);
    let (passed, dropped): (Vec<Left>, Vec<Left>) =
        runs.into_iter().partition(|left| left.value != 255);
    // Five standard deviations of 20,000 draws are below 2 %.
    assert!((dropped.len() as f64 / 20_000.0 - 0.1).abs() < 0.02);
    assert!((share(&passed, &|left| left.value == 1) - 0.2).abs() < 0.02);
    assert!((share(&passed, &|left| left.annotations.mark == 2) - 0.3).abs() < 0.02);
    let delays: Vec<u64> = passed
        .iter()
        .filter(|left| left.annotations.mark == 1)
        .map(|left| left.annotations.delay_ns)
        .collect();
    assert!(
        delays
            .iter()
            .all(|delay| (1_000_000..1_500_000).contains(delay))
    );
    // Even: a tenth of the delays in each tenth of the range, its mean in the middle.
    for tenth in 0..10 {
        let from = 1_000_000 + tenth * 50_000;
        let count = delays
            .iter()
            .filter(|delay| (from..from + 50_000).contains(*delay));
        let share = count.count() as f64 / delays.len() as f64;
        assert!((share - 0.1).abs() < 0.02, "{tenth}: {share}");
    }
    let runs = line(0, 0, 0, 7, 0);
    assert!(
        runs.iter()
            .all(|left| left.value == 0 && left.annotations.delay_ns == 7)
    );
    assert!(
        line(65_536, 0, 0, 0, 0)
            .iter()
            .all(|left| left.value == 255)
    );
}

/// A record of `connection-tracer`: state, duration, bytes of both, ports of both.
fn traced(both: &Both) -> Vec<(u32, u64, [u64; 2], [u16; 2])> {
    let number =
        |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let port = |bytes: &[u8], at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let records = both.records("events");
    let read = records.iter().map(|bytes| {
        assert_eq!(bytes[32..36], CLIENT);
        assert_eq!(bytes[36..40], SERVER);
        let state = u32::from_le_bytes(bytes[44..48].try_into().unwrap());
        let ports = [port(bytes, 40), port(bytes, 42)];
        (
            state,
            number(bytes, 8),
            [number(bytes, 16), number(bytes, 24)],
            ports,
        )
    });
    read.collect()
}

#[test]
fn connection_tracer() {
    let mut both = sample("connection-tracer");
    let out = |flags, payload: &[u8]| ipv4(6, CLIENT, SERVER, &tcp(40_000, 80, flags, payload));
    let back = |flags, payload: &[u8]| ipv4(6, SERVER, CLIENT, &tcp(80, 40_000, flags, payload));
    let talk = [
        out(SYN, &[]),
        back(SYN | ACK, &[]),
        out(ACK, &[]),
        out(ACK, &[0; 100]),
        back(ACK, &[0; 1000]),
        back(FIN | ACK, &[]),
        out(FIN | ACK, &[0; 1]),
        back(ACK, &[]),
    ];
    for (second, packet) in (1..).zip(&talk) {
        both.at(second * 1_000_000_000);
        assert_eq!(verdict(&mut both, packet), PASS);
    }
    let records = traced(&both);
    let ports = [40_000, 80];
    assert_eq!(records[0], (1, 0, [0, 0], ports));
    assert_eq!(records[1], (2, 2_000_000_000, [0, 0], ports));
    assert_eq!(records[2], (3, 6_000_000_000, [101, 1000], ports));
    assert_eq!(records.len(), 3);
    // Reset by the server, and once more.
    for packet in [out(SYN, &[]), back(RST | ACK, &[]), back(RST, &[])] {
        assert_eq!(verdict(&mut both, &packet), PASS);
    }
    let states: Vec<u32> = traced(&both)[3..].iter().map(|record| record.0).collect();
    assert_eq!(states, [1, 4]);
}

#[test]
fn syn_guard() {
    let mut both = sample("syn-guard");
    let syn = |source| ipv4(6, source, SERVER, &tcp(1, 80, SYN, &[]));
    let passed =
        |both: &mut Both, packet: &[u8]| (0..100).filter(|_| verdict(both, packet) == PASS).count();
    both.step(0);
    assert_eq!(passed(&mut both, &syn(CLIENT)), 40);
    both.at(2_000_000_000);
    assert_eq!(passed(&mut both, &syn(CLIENT)), 20);
    let data = ipv4(6, CLIENT, SERVER, &tcp(1, 80, ACK, &[]));
    assert_eq!(passed(&mut both, &data), 100);
    // Each source is new: the sum has a limit of its own, of which a little is used.
    let flood = (0..5000_u32).filter(|number| {
        let source = [11, 0, (number >> 8) as u8, *number as u8];
        both.run_alone(&syn(source), FUEL).unwrap().value == PASS
    });
    let flood = flood.count();
    assert!((3900..=4000).contains(&flood), "{flood}");
    let cut = syn(CLIENT);
    assert_eq!(verdict(&mut both, &cut[..14 + 20 + 13]), DROP, "no flags");
}

#[test]
fn vxlan_there_and_back() {
    let mut there = sample("vxlan-encap");
    let endpoint = |ip: Address, network: u32, last: u8| {
        [
            &ip[..],
            &network.to_le_bytes(),
            &[2, 0, 0, 0, 2, last],
            &[0; 2],
        ]
        .concat()
    };
    there.set("own", &words([0]), &endpoint([10, 0, 0, 1], 0, 1));
    let frame = ipv4(17, CLIENT, SERVER, &udp(1, 2, b"inner"));
    assert_eq!(verdict(&mut there, &frame), ABORT, "no endpoint is known");
    there.set(
        "endpoints",
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0],
        &endpoint([10, 0, 0, 9], 9, 9),
    );
    there.set(
        "endpoints",
        &[2, 0, 0, 0, 0, 0, 0, 0],
        &endpoint([10, 0, 0, 2], 0xabcde, 2),
    );
    let left = run(&mut there, &frame);
    assert_eq!(left.value, SUCCESS);
    let outer = left.packet;
    assert_eq!(outer.len(), frame.len() + 50);
    assert_eq!(outer[..14], [2, 0, 0, 0, 2, 2, 2, 0, 0, 0, 2, 1, 8, 0]);
    assert_eq!(checksum(&outer[14..34]), 0);
    assert_eq!(outer[16..18], (outer.len() as u16 - 14).to_be_bytes());
    assert_eq!(outer[38..40], (outer.len() as u16 - 34).to_be_bytes());
    assert_eq!(outer[36..38], 4789_u16.to_be_bytes());
    assert_eq!(outer[42..50], [8, 0, 0, 0, 0x0a, 0xbc, 0xde, 0]);
    let mut unknown = frame.clone();
    unknown[0] = 6;
    assert_eq!(run(&mut there, &unknown).packet[30..34], [10, 0, 0, 9]);

    let mut back = sample("vxlan-decap");
    assert_eq!(
        verdict(&mut back, &outer),
        ABORT,
        "a network that is not ours"
    );
    back.set("networks", &words([0xabcde]), &[0; 8]);
    let left = run(&mut back, &outer);
    assert_eq!(
        (left.value, left.packet, left.annotations.mark),
        (SUCCESS, frame.clone(), 0xabcde)
    );
    let left = run(&mut back, &frame);
    assert_eq!((left.value, left.packet), (SUCCESS, frame));
    let mut odd = outer.clone();
    odd[43] = 1;
    assert_eq!(verdict(&mut back, &odd), ABORT, "reserved bits");
    assert_eq!(verdict(&mut back, &outer[..55]), ABORT, "cut");
}

#[test]
fn ipv6_walk() {
    let mut both = sample("ipv6-walk");
    let mut to = |chain: &[&[u8]], first: u8| {
        verdict(
            &mut both,
            &ipv6(
                first,
                [1; 16],
                &[&chain.concat()[..], &tcp(1, 2, 0, &[])].concat(),
            ),
        )
    };
    let options = |next| vec![next, 0, 1, 4, 0, 0, 0, 0];
    assert_eq!(to(&[], 6), 0);
    assert_eq!(to(&[], 17), 1);
    assert_eq!(to(&[], 58), 2);
    assert_eq!(to(&[&options(60), &options(17)], 0), 1);
    assert_eq!(
        to(&[&options(0), &options(17)], 60),
        3,
        "hop-by-hop comes second"
    );
    let long: Vec<u8> = [&[6, 2][..], &[0; 22]].concat();
    assert_eq!(to(&[&long], 60), 0);
    let authentication: Vec<u8> = [&[6, 4][..], &[0; 22]].concat();
    assert_eq!(to(&[&authentication], 51), 0);
    assert_eq!(to(&[&[6, 0, 0, 1, 0, 0, 0, 0]], 43), 3, "routing of type 0");
    assert_eq!(to(&[&[6, 0, 0, 1, 0, 0, 0, 0]], 44), 0, "a first fragment");
    assert_eq!(to(&[&[6, 0, 0, 9, 0, 0, 0, 0]], 44), 2, "a later one");
    assert_eq!(
        to(&[&[60, 200, 0, 0, 0, 0, 0, 0]], 60),
        3,
        "longer than the packet"
    );
    let chain: Vec<Vec<u8>> = vec![options(60); 9];
    let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
    assert_eq!(to(&chain, 60), 3, "too many");
}

#[test]
fn quic_balancer() {
    let mut both = sample("quic-balancer");
    let mut to = |source: Address, quic: &[u8]| {
        verdict(
            &mut both,
            &ipv4(17, source, SERVER, &udp(1, 443, &[quic, &[0; 32]].concat())),
        )
    };
    for server in 0..4_u8 {
        // Whatever the address: the client may move.
        for source in [CLIENT, [9, 9, 9, 9]] {
            assert_eq!(
                to(source, &[0x40, server, 1, 2, 3, 4, 5, 6, 7]),
                u64::from(server)
            );
            let handshake = [0xe0, 0, 0, 0, 1, 8, server, 1, 2, 3, 4, 5, 6, 7];
            assert_eq!(to(source, &handshake), u64::from(server));
        }
    }
    let mut counts = [0; 4];
    for id in 0..1000_u16 {
        let [high, low] = id.to_be_bytes();
        let initial = [0xc0, 0, 0, 0, 1, 8, high, low, 1, 2, 3, 4, 5, 6];
        let output = to(CLIENT, &initial);
        assert_eq!(to([9, 9, 9, 9], &initial), output, "a retransmission");
        counts[output as usize] += 1;
    }
    assert!(
        counts.iter().all(|count| (150..350).contains(count)),
        "{counts:?}"
    );
    assert_eq!(to(CLIENT, &[0xc0, 0, 0, 0, 1, 21]), 4);
    assert_eq!(to(CLIENT, &[0; 1]), 4);
}

#[test]
fn flow_bytes() {
    let mut both = sample("flow-bytes");
    for port in 1..=20_u16 {
        for _ in 0..port {
            assert_eq!(
                verdict(
                    &mut both,
                    &ipv4(17, CLIENT, SERVER, &udp(port, 9, &[0; 58]))
                ),
                PASS
            );
        }
    }
    let top = both.value("top", &words([0]));
    let mut places: Vec<(u16, u64)> = top
        .chunks(24)
        .map(|place| {
            let port = u16::from_be_bytes([place[8], place[9]]);
            (port, u64::from_le_bytes(place[16..24].try_into().unwrap()))
        })
        .collect();
    places.sort_unstable();
    let expected: Vec<(u16, u64)> = (13..=20)
        .map(|port| (port, u64::from(port) * 100))
        .collect();
    assert_eq!(places, expected);
}

#[test]
fn pppoe_access() {
    let mut both = sample("pppoe-access");
    let inner = ipv4(17, CLIENT, SERVER, &udp(1, 2, &[]));
    let session = |length: u16, protocol: u16| {
        let header = [0x1100, 5, length, protocol].map(u16::to_be_bytes).concat();
        ethernet(0x8864, &[&header[..], &inner[14..]].concat())
    };
    let length = inner.len() as u16 - 14 + 2;
    let packet = session(length, 0x21);
    assert_eq!(verdict(&mut both, &packet), ABORT, "an unknown session");
    let subscriber = |last: u8, open: u8| [&[2, 0, 0, 0, 0, last, open, 0][..], &[0; 16]].concat();
    for value in [subscriber(2, 1), subscriber(1, 0)] {
        both.set("sessions", &words([5]), &value);
        assert_eq!(verdict(&mut both, &packet), ABORT, "another's, or closed");
    }
    both.set("sessions", &words([5]), &subscriber(1, 1));
    let left = run(&mut both, &packet);
    assert_eq!(
        (left.value, left.packet, left.annotations.mark),
        (SUCCESS, inner.clone(), 0)
    );
    assert_eq!(
        verdict(&mut both, &session(length + 1, 0x21)),
        ABORT,
        "longer than it is"
    );
    let left = run(&mut both, &session(length, 0xc021));
    assert_eq!((left.value, left.annotations.mark), (SUCCESS, 1), "LCP");
    let counted = both.value("sessions", &words([5]));
    assert_eq!(counted[8..16], 1_u64.to_le_bytes());
    assert_eq!(counted[16..24], u64::from(length - 2).to_le_bytes());
}

#[test]
fn multicast() {
    let mut both = sample("multicast");
    let to = |group| ipv4(17, CLIENT, group, &udp(1, 2, &[]));
    both.set("groups", &[239, 1, 2, 3], &words([0b101]));
    for (port, expected) in [(0, PASS), (1, DROP), (2, PASS), (40, DROP)] {
        both.annotations.mark = port;
        assert_eq!(verdict(&mut both, &to([239, 1, 2, 3])), expected, "{port}");
        assert_eq!(verdict(&mut both, &to([239, 1, 2, 4])), DROP);
        assert_eq!(verdict(&mut both, &to([224, 0, 0, 5])), PASS);
        assert_eq!(verdict(&mut both, &to([10, 0, 0, 5])), DROP);
    }
}

#[test]
fn intrusion_detector() {
    let mut both = sample("intrusion-detector");
    let from = |source, text: &[u8]| ipv4(17, source, SERVER, &udp(1, 2, text));
    assert_eq!(verdict(&mut both, &from(CLIENT, b"hello")), 0);
    assert_eq!(verdict(&mut both, &from(CLIENT, b"x=//bin/sh")), 1);
    assert_eq!(
        verdict(&mut both, &from(CLIENT, b"hello")),
        1,
        "a suspect from now on"
    );
    assert_eq!(verdict(&mut both, &from(SERVER, b"hello")), 0);
    both.at(602_000_000_000);
    assert_eq!(
        verdict(&mut both, &from(CLIENT, b"hello")),
        0,
        "ten minutes later"
    );
}

#[test]
fn congestion_marker() {
    let mut both = sample("congestion-marker");
    both.step(0);
    let mut capable = ipv4(17, CLIENT, SERVER, &udp(1, 2, &[0; 958]));
    capable[15] = 2;
    capable[24..26].fill(0);
    let sum = checksum(&capable[14..34]).to_be_bytes();
    capable[24..26].copy_from_slice(&sum);
    let unable = ipv4(17, CLIENT, SERVER, &udp(1, 2, &[0; 958]));
    // 1,000 bytes are 100 us of the line: 5 ms after 50 packets, 20 ms after 200.
    let marks: Vec<bool> = (0..400)
        .map(|_| {
            let left = run(&mut both, &capable);
            assert_eq!(left.value, SUCCESS);
            assert_eq!(checksum(&left.packet[14..34]), 0);
            left.packet[15] & 3 == 3
        })
        .collect();
    let count = |range: core::ops::Range<usize>| marks[range].iter().filter(|mark| **mark).count();
    assert_eq!(count(0..50), 0);
    assert!((40..110).contains(&count(50..200)), "{}", count(50..200));
    assert_eq!(count(200..400), 200);
    assert_eq!(verdict(&mut both, &unable), ABORT);
    both.at(100_000_000_000);
    assert_eq!(verdict(&mut both, &unable), SUCCESS);
}

#[test]
fn ip_translator() {
    let mut both = sample("ip-translator");
    let pseudo = |packet: &[u8]| {
        let ip = &packet[14..];
        let (addresses, segment) = if ip[0] == 0x45 {
            (&ip[12..20], &ip[20..])
        } else {
            (&ip[8..40], &ip[40..])
        };
        let protocol = if ip[0] == 0x45 { ip[9] } else { ip[6] };
        let len = (segment.len() as u16).to_be_bytes();
        checksum(&[addresses, &[0, protocol], &len, segment].concat())
    };
    for protocol in [6, 17] {
        let mut segment = if protocol == 6 {
            tcp(1, 2, ACK, b"payload")
        } else {
            udp(1, 2, b"payload")
        };
        let at = 34 + if protocol == 6 { 16 } else { 6 };
        let mut frame = ipv4(protocol, CLIENT, SERVER, &segment);
        let sum = pseudo(&frame).to_be_bytes();
        segment[at - 34..at - 32].copy_from_slice(&sum);
        frame = ipv4(protocol, CLIENT, SERVER, &segment);
        assert_eq!(pseudo(&frame), 0);
        let left = run(&mut both, &frame);
        assert_eq!(left.value, SUCCESS);
        let six = left.packet;
        assert_eq!(six.len(), frame.len() + 20);
        assert_eq!(six[12..15], [0x86, 0xdd, 0x60]);
        assert_eq!(six[18..20], (segment.len() as u16).to_be_bytes());
        assert_eq!(six[20..22], [protocol, 63]);
        assert_eq!(
            six[22..38],
            [[0, 0x64, 0xff, 0x9b], [0; 4], [0; 4], CLIENT].concat()
        );
        assert_eq!(pseudo(&six), 0, "the checksum is that of IPv6");
        let left = run(&mut both, &six);
        assert_eq!(left.value, SUCCESS);
        let four = left.packet;
        assert_eq!(checksum(&four[14..34]), 0);
        assert_eq!(pseudo(&four), 0);
        assert_eq!(four[34..], frame[34..]);
        assert_eq!(four[26..34], [CLIENT, SERVER].concat());
        assert_eq!(four[22], 62);
    }
    assert_eq!(
        verdict(&mut both, &ipv4(17, CLIENT, SERVER, &udp(1, 2, &[]))),
        ABORT,
        "no checksum"
    );
    assert_eq!(
        verdict(&mut both, &ipv6(17, [1; 16], &udp(1, 2, &[]))),
        ABORT,
        "another prefix"
    );
    let arp = ethernet(0x0806, &[1; 28]);
    assert_eq!(run(&mut both, &arp).packet, arp);
}

#[test]
fn programs_in_rust() {
    let to = |port| ipv4(17, CLIENT, SERVER, &udp(1, port, &[]));
    for mut both in [sample("target-port"), in_rust("target-port")] {
        assert_eq!(verdict(&mut both, &to(12345)), DROP);
        assert_eq!(verdict(&mut both, &to(12346)), PASS);
    }
    for mut both in [sample("rate-limiter"), in_rust("rate-limiter")] {
        let passed = |both: &mut Both| (0..5).filter(|_| verdict(both, &to(1)) == PASS).count();
        assert_eq!(passed(&mut both), 3);
        both.at(3_500_000_000);
        assert_eq!(passed(&mut both), 2);
        let other = ipv4(17, SERVER, CLIENT, &udp(1, 1, &[]));
        assert_eq!(verdict(&mut both, &other), PASS);
    }
    let mut filter = in_rust("packet-filter");
    let host = [[0x20, 1, 0xd, 0xb8], [0; 4], [0; 4], [0, 0, 0, 1]].concat();
    let six = ipv6(17, host.clone().try_into().unwrap(), &udp(1, 2, &[]));
    assert_eq!(verdict(&mut filter, &to(1)), DROP);
    assert_eq!(verdict(&mut filter, &six), DROP);
    filter.set("ipv4", &[&[8, 0, 0, 0], &CLIENT[..]].concat(), &words([1]));
    filter.set("ipv6", &[&[32, 0, 0, 0], &host[..]].concat(), &words([1]));
    assert_eq!(verdict(&mut filter, &to(1)), PASS);
    assert_eq!(verdict(&mut filter, &six), PASS);
}
