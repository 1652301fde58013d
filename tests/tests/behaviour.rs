//! What the accepted samples do with packets, in the reference interpreter.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

use bpf_object::{Object, ParseOptions};
use bpf_runtime::{DeterministicEnvironment, Instance, Maps, Packet};
use platform_click::filter::{ABORT, DROP, PASS};
use platform_click::rewriter;

/// More than any of the samples executes for a packet.
const FUEL: u64 = 1_000;

const SECOND_NS: u64 = 1_000_000_000;

/// A sample that is loaded, with a clock that stands still.
struct Program {
    instance: Instance,
    environment: DeterministicEnvironment,
}

impl Program {
    fn load(name: &str) -> Self {
        let sample = e2e::samples()
            .into_iter()
            .find(|sample| sample.folder == "accept" && sample.name == name)
            .unwrap_or_else(|| panic!("there is no sample {name}"));
        let object = Object::parse(&sample.bytes(), ParseOptions::default()).unwrap();
        let image = object.link(&object.programs()[0]).unwrap();
        let maps = Maps::new(image.maps(), [1, 2]).unwrap();
        let mut environment = DeterministicEnvironment::new(0);
        environment.step_ns = 0;
        Self {
            instance: Instance::new(&image, maps).unwrap(),
            environment,
        }
    }

    fn run(&mut self, bytes: &[u8]) -> u64 {
        self.rewrite(bytes).0
    }

    /// The value returned, and the packet as the program leaves it.
    fn rewrite(&mut self, bytes: &[u8]) -> (u64, Vec<u8>) {
        let mut packet = Packet::new(bytes).unwrap();
        let outcome = self
            .instance
            .run(&mut packet, &mut self.environment, FUEL)
            .unwrap();
        (outcome.value, packet.bytes().to_vec())
    }
}

const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;

fn ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; 12];
    frame.extend(ethertype.to_be_bytes());
    frame.extend(payload);
    frame
}

/// An IPv4 frame with `options` (whole words) and the first bytes of TCP or UDP.
fn ipv4(source: [u8; 4], protocol: u8, options: &[u8], port: u16) -> Vec<u8> {
    assert_eq!(options.len() % 4, 0);
    let words = u8::try_from(5 + options.len() / 4).unwrap();
    let mut packet = vec![0x40 | words, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0];
    packet.extend(source);
    packet.extend([10, 0, 0, 1]);
    packet.extend(options);
    packet.extend([0x30, 0x39]); // source port 12345, which no sample looks at
    packet.extend(port.to_be_bytes());
    ethernet(0x0800, &packet)
}

fn ipv6(next_header: u8, port: u16) -> Vec<u8> {
    let mut packet = vec![0; 40];
    packet[0] = 0x60;
    packet[6] = next_header;
    packet.extend([0x30, 0x39]);
    packet.extend(port.to_be_bytes());
    ethernet(0x86dd, &packet)
}

#[test]
fn pass_passes_and_drop_drops() {
    for frame in [vec![], vec![0; 60]] {
        assert_eq!(Program::load("pass").run(&frame), PASS);
        assert_eq!(Program::load("drop").run(&frame), DROP);
    }
}

#[test]
fn target_port_drops_its_port_and_nothing_else() {
    let mut program = Program::load("target-port");
    let from = [192, 0, 2, 1];
    for (what, frame, want) in [
        ("TCP", ipv4(from, TCP, &[], 12345), DROP),
        ("UDP", ipv4(from, UDP, &[], 12345), DROP),
        ("another port", ipv4(from, UDP, &[], 12346), PASS),
        ("bytes swapped", ipv4(from, UDP, &[], 0x3930), PASS),
        ("behind options", ipv4(from, TCP, &[1; 8], 12345), DROP),
        ("no ports", ipv4(from, ICMP, &[], 12345), PASS),
        ("TCP, IPv6", ipv6(TCP, 12345), DROP),
        ("UDP, IPv6", ipv6(UDP, 12345), DROP),
        ("another port, IPv6", ipv6(UDP, 80), PASS),
        ("no ports, IPv6", ipv6(58, 12345), PASS),
        ("ARP", ethernet(0x0806, &[0; 28]), PASS),
    ] {
        assert_eq!(program.run(&frame), want, "{what}");
    }
}

#[test]
fn target_port_passes_later_fragments_and_looks_into_first_ones() {
    let mut program = Program::load("target-port");
    let mut frame = ipv4([192, 0, 2, 1], UDP, &[], 12345);
    frame[14 + 6] = 0x20; // more fragments, offset 0
    assert_eq!(program.run(&frame), DROP);
    frame[14 + 7] = 1; // offset 8
    assert_eq!(program.run(&frame), PASS);
}

#[test]
fn target_port_drops_what_ends_within_a_header() {
    let mut program = Program::load("target-port");
    for frame in [ipv4([192, 0, 2, 1], UDP, &[1; 4], 12345), ipv6(TCP, 12345)] {
        for length in 0..frame.len() {
            assert_eq!(program.run(&frame[..length]), ABORT, "{length} bytes");
        }
    }
    let mut frame = ipv4([192, 0, 2, 1], UDP, &[], 12345);
    frame[14] = 0x44; // a header of 16 bytes
    assert_eq!(program.run(&frame), ABORT);
}

#[test]
fn rate_limiter_gives_three_at_once_and_one_a_second() {
    let mut program = Program::load("rate-limiter");
    let frame = ipv4([192, 0, 2, 1], UDP, &[], 80);
    let burst: Vec<_> = (0..5).map(|_| program.run(&frame)).collect();
    assert_eq!(burst, [PASS, PASS, PASS, DROP, DROP]);

    program.environment.now_ns += SECOND_NS - 1;
    assert_eq!(program.run(&frame), DROP);
    program.environment.now_ns += 1;
    assert_eq!(program.run(&frame), PASS);
    assert_eq!(program.run(&frame), DROP);

    // A long pause fills the bucket and not more.
    program.environment.now_ns += 1_000 * SECOND_NS;
    let burst: Vec<_> = (0..4).map(|_| program.run(&frame)).collect();
    assert_eq!(burst, [PASS, PASS, PASS, DROP]);
}

#[test]
fn rate_limiter_counts_each_source_for_itself() {
    let mut program = Program::load("rate-limiter");
    let frame = |last| ipv4([192, 0, 2, last], UDP, &[], 80);
    for _ in 0..4 {
        program.run(&frame(1));
    }
    assert_eq!(program.run(&frame(1)), DROP);
    assert_eq!(program.run(&frame(2)), PASS);
    assert_eq!(program.run(&ethernet(0x0806, &[0; 28])), PASS);
    assert_eq!(program.run(&frame(2)[..33]), ABORT);
}

#[test]
fn rate_limiter_drops_sources_that_it_cannot_remember() {
    let mut program = Program::load("rate-limiter");
    let frame = |source: u16| {
        let [high, low] = source.to_be_bytes();
        ipv4([10, 1, high, low], UDP, &[], 80)
    };
    for source in 0..1024 {
        assert_eq!(program.run(&frame(source)), PASS, "{source}");
    }
    assert_eq!(program.run(&frame(1024)), DROP);
    assert_eq!(program.run(&frame(0)), PASS);
}

#[test]
fn round_robin_takes_turns() {
    let mut program = Program::load("round-robin");
    let outputs: Vec<_> = (0..5).map(|_| program.run(&[])).collect();
    assert_eq!(outputs, [0, 1, 0, 1, 0]);
}

#[test]
fn strip_ether_vlan_header_leaves_the_network_layer() {
    let mut program = Program::load("strip-ether-vlan-header");
    let plain = ethernet(0x0800, b"packet");
    let tagged = ethernet(0x8100, b"\0\x07\x08\0packet");
    for frame in [plain, tagged] {
        assert_eq!(
            program.rewrite(&frame),
            (rewriter::SUCCESS, b"packet".to_vec())
        );
    }
    for short in [
        &ethernet(0x0800, b"")[..13],
        &ethernet(0x8100, b"\0\x07\x08"),
    ] {
        assert_eq!(program.rewrite(short), (rewriter::ABORT, short.to_vec()));
    }
}
