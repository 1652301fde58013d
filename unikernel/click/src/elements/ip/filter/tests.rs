//! Patterns against packets: what they match, and that decisions and steps agree.

use alloc::vec;

use proptest::prelude::*;

use super::*;
use crate::headers::ipv4::NewHeader;
use crate::testing::{MemoryHost, router};

/// A packet with Ethernet, IP and the given header behind it.
fn packet(protocol: u8, source: [u8; 4], fragment: u16, transport: &[u8]) -> Packet {
    let header = NewHeader {
        tos: 0x2a,
        total_len: 20 + transport.len(),
        id: 7,
        fragment,
        ttl: 64,
        protocol,
        source: source.into(),
        destination: [10, 0, 0, 2].into(),
    };
    let ether = *b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0";
    let mut packet = Packet::new(&[&ether[..], &header.bytes(), transport].concat()).unwrap();
    packet.set_mac_header(0);
    packet.set_network_header(14, 20);
    packet
}

/// A segment from port 1234 to port 80 with SYN.
const SEGMENT: [u8; 20] = [
    0x04, 0xd2, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0x10, 0, 0, 0, 0, 0,
];

fn tcp() -> Packet {
    packet(6, [10, 0, 0, 1], 0, &SEGMENT)
}

fn filter(patterns: &[&str]) -> Result<IpFilter, primitive::Wrong> {
    let rules = patterns.iter().enumerate().map(|(output, pattern)| {
        let pattern = parse::pattern(pattern, &Scope::default())?;
        Ok::<Rule, primitive::Wrong>((Next::Output(output), pattern))
    });
    let rules = rules.collect::<Result<Vec<_>, primitive::Wrong>>()?;
    Ok(IpFilter::new(&rules))
}

/// The first pattern that a packet matches. The decision and the program must agree.
fn classify(filter: &IpFilter, packet: &Packet) -> Option<usize> {
    let headers = Headers::of(packet);
    let decided = filter.decision.run(&headers);
    let stepped = match filter.decision.steps().run(&headers) {
        Next::Output(output) => Some(output),
        _ => None,
    };
    assert_eq!(decided, stepped, "{}", filter.program());
    decided
}

fn matches(pattern: &str, packet: &Packet) -> bool {
    let filter = filter(&[pattern]).unwrap_or_else(|wrong| panic!("{pattern}: {wrong}"));
    classify(&filter, packet).is_some()
}

#[test]
fn terms_of_a_tcp_segment() {
    for (pattern, expected) in [
        ("-", true),
        ("all", true),
        ("true", true),
        ("false", false),
        ("tcp", true),
        ("udp", false),
        ("not udp", true),
        ("! ! tcp", true),
        ("proto tcp", true),
        ("ip proto 6", true),
        ("proto != 6", false),
        ("proto > 5", true),
        ("tcp or udp", true),
        ("tcpudp", true),
        ("icmp", false),
        ("src 10.0.0.1", true),
        ("dst 10.0.0.1", false),
        ("host 10.0.0.2", true),
        ("10.0.0.1", true),
        ("src and dst 10.0.0.1", false),
        ("src or dst 10.0.0.1", true),
        ("src host != 10.0.0.1", false),
        ("host != 10.0.0.3", true),
        ("net 10.0/16", true),
        ("src net 10.1.0.0/16", false),
        ("src and dst net 10.0.0.0/30", true),
        ("src 10.0.0.0 mask 255.255.255.0", true),
        ("src 10.9.9.9 mask 255.0.0.0", true),
        ("dst port 80", true),
        ("dst tcp port www", true),
        ("tcp dst port 80", true),
        ("udp dst port 80", false),
        ("port 1234", true),
        ("src port 80", false),
        ("port != 80", false),
        ("src port != 80", true),
        ("port > 1023", true),
        ("dst port > 1023", false),
        ("dst port >= 80 and dst port <= 80", true),
        ("dst port > 80 or < 80", false),
        ("dst port < 81", true),
        ("src port & 0xff = 0xd2", true),
        ("src port 80 or 443 or 1234", true),
        ("tcp opt syn", true),
        ("tcp opt ack", false),
        ("syn and not ack", true),
        ("syn !ack", true),
        ("tcp win 4096", true),
        ("tcp[13] & 2 = 2", true),
        ("tcp[0:2] = 1234", true),
        ("tcp[2,3] 80", true),
        ("transp[3] = 80", true),
        ("ip[8] = 64", true),
        ("ip[19] & 128 == 0", true),
        ("ip ttl 64", true),
        ("ip ttl < 64", false),
        ("ip ttl <= 64", true),
        ("ip vers 4 and ip hl = 5", true),
        ("ip len 40", true),
        ("ip len > 40", false),
        ("ip len >= 0", true),
        ("ip id 7", true),
        ("ip tos 0x2a", true),
        ("ip dscp 10", true),
        ("ip ect", true),
        ("ip ce", false),
        ("ip frag", false),
        ("ip unfrag", true),
        ("ether src 2:0:0:0:0:1", true),
        ("ether dst 2:0:0:0:0:1", false),
        ("ether host 2:0:0:0:0:2", true),
        ("src 2:0:0:0:0:1", true),
        ("tcp && (dst port 81 || src port 1234)", true),
        ("tcp ? dst port 80 : udp", true),
        ("udp ? dst port 80 : src port 1", false),
    ] {
        assert_eq!(matches(pattern, &tcp()), expected, "{pattern}");
    }
}

#[test]
fn wrong_patterns_are_refused() {
    for pattern in [
        "(",
        "tcp)",
        "tcp and",
        "or tcp",
        "not",
        "src",
        "src src 1.2.3.4",
        "tcp udp port 1",
        "port",
        "port 65536",
        "port =",
        "port > x",
        "proto 256",
        "5",
        "echo",
        "icmp port 5",
        "host 5",
        "ip[1",
        "ip[1:5] = 3",
        "ip[3:2] = 3",
        "ip[x] = 3",
        "ip ttl 256",
        "ip ttl & 0x100 = 1",
        "ip frag 3",
        "tcp opt 256",
        "tcp ? udp",
        "xyz",
        "ether src 1.2.3.4",
        "ether 5",
    ] {
        assert!(filter(&[pattern]).is_err(), "{pattern}");
    }
    let deep = |count: usize| alloc::format!("{}tcp{}", "(".repeat(count), ")".repeat(count));
    assert!(filter(&[&deep(60)]).is_ok() && filter(&[&deep(5000)]).is_err());
}

#[test]
fn names_say_what_they_are() {
    assert!(matches(
        "icmp type echo",
        &packet(1, [1; 4], 0, &[8, 0, 0, 0, 0, 0, 0, 0])
    ));
    assert!(matches(
        "udp port echo",
        &packet(17, [1; 4], 0, &[0, 7, 0, 1, 0, 8, 0, 0])
    ));
    assert!(matches("icmp type 8 or 0", &packet(1, [1; 4], 0, &[0; 8])));
    assert!(!matches("icmp type echo", &packet(1, [1; 4], 0, &[0; 8])));
}

/// Only the first fragment has ports, and a packet that ends before what is asked does not have it.
#[test]
fn fragments_and_short_packets() {
    let later = packet(6, [10, 0, 0, 1], 100, &SEGMENT);
    for (pattern, expected) in [
        ("dst port 80", false),
        ("not dst port 80", true),
        ("dst port != 80", false),
        ("tcp", true),
        ("ip frag", true),
        ("ip unfrag", false),
    ] {
        assert_eq!(matches(pattern, &later), expected, "{pattern}");
    }
    let cut = packet(6, [10, 0, 0, 1], 0, &SEGMENT[..1]);
    for (pattern, expected) in [
        ("transp[1] & 128 == 0", false),
        ("transp[1] & 128 != 0", false),
        ("not (transp[1] & 128 == 0)", true),
        ("transp[1]&128==0 || transp[1]&128==128", false),
        ("transp[0] = 4", true),
        // The first byte says so already, or does not.
        ("src port > 1000", true),
        ("src port > 1034", false),
        ("src port <= 1034", false),
    ] {
        assert_eq!(matches(pattern, &cut), expected, "{pattern}");
    }
    let nothing = Packet::new(&[0; 60]).unwrap();
    assert!(!matches("tcp", &nothing) && matches("not tcp", &nothing));
}

#[test]
fn the_first_of_a_thousand_rules_counts() {
    let patterns: Vec<String> = (0..1000)
        .map(|port| alloc::format!("dst port {}", port * 7 + 3))
        .collect();
    let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
    let filter = filter(&patterns).unwrap();
    for port in [3_u16, 10, 80, 6996, 6997, 9999] {
        let mut packet = tcp();
        packet.bytes_mut()[36..38].copy_from_slice(&port.to_be_bytes());
        let expected = (port % 7 == 3 && port < 7000).then(|| usize::from(port / 7));
        assert_eq!(classify(&filter, &packet), expected, "{port}");
    }
}

/// Two fields, and networks of many sizes, some within others.
#[test]
fn rules_about_several_fields() {
    let patterns: Vec<String> = (0..200_usize)
        .map(|rule| match rule % 4 {
            0 => alloc::format!(
                "src net 10.{rule}.0.0/{} and dst port {rule}",
                16 + rule % 9
            ),
            1 => alloc::format!("src net 10.{}.0.0/{}", rule, 9 + rule % 20),
            2 => alloc::format!("dst port >= {} and tcp", 60000 - rule * 10),
            _ => alloc::format!("udp and host 10.{rule}.1.1"),
        })
        .collect();
    let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
    let filter = filter(&patterns).unwrap();
    for seed in 0..2000_u32 {
        let [a, b, c, d] = seed.wrapping_mul(0x9e37_79b9).to_be_bytes();
        let protocol = if a & 1 == 0 { 6 } else { 17 };
        let ports = [[0, 1], if b & 1 == 0 { [0, c] } else { [c, d] }].concat();
        let transport = [&ports[..], &[0; 16]].concat();
        classify(&filter, &packet(protocol, [10, b, d & 1, 1], 0, &transport));
    }
}

#[test]
fn programs_are_listed_as_click_lists_them() {
    let list = |rules: &str| {
        let text = alloc::format!("InfiniteSource -> c :: IPFilter({rules}) -> Discard");
        let router = router(&text, &mut MemoryHost::new(&[])).unwrap();
        router.read_handler("c.program").unwrap()
    };
    let end = "safe length 0\nalignment offset 0\n";
    for (rules, all) in [
        ("allow tcp && dst 10.0.0.0/32, allow tcp, allow all", "[0]"),
        ("allow false, allow false, allow true", "[0]"),
        ("allow false", "[X]"),
    ] {
        assert_eq!(list(rules), alloc::format!("all->{all}\n{end}"), "{rules}");
    }
    let host = " 0 268/0a000001%ffffffff  yes->[0]  no->[X]\nsafe length 272\nalignment offset 0\n";
    assert_eq!(list("allow false, allow src 10.0.0.1"), host);
    let expected = [
        " 0   8/00010203%ffffffff  yes->step 1  no->step 2",
        " 1  12/04050000%ffff0000  yes->[0]  no->step 2",
        " 2 268/0a000000%ffffffff  yes->[0]  no->[X]",
        "safe length 272",
        "alignment offset 0",
        "",
    ];
    let ether = "allow src 0:1:2:3:4:5, allow src 10.0.0.0 & 8.0.0.0 = 8.0.0.0";
    assert_eq!(list(ether), expected.join("\n"));
}

#[test]
fn patterns_of_a_classifier_can_be_changed() {
    let text = "InfiniteSource -> c :: IPClassifier(tcp, -); c [0] -> Discard; c [1] -> Discard";
    let mut host = MemoryHost::new(&[]);
    let mut router = router(text, &mut host).unwrap();
    assert_eq!(router.call_read(&mut host, "c.pattern0").unwrap(), "tcp");
    router
        .call_write(&mut host, "c.pattern0 udp port 53")
        .unwrap();
    assert_eq!(
        router.call_read(&mut host, "c.pattern0").unwrap(),
        "udp port 53"
    );
    router.call_write(&mut host, "c.pattern1 (").unwrap_err();
    router.call_read(&mut host, "c.pattern2").unwrap_err();
}

/// A term that may make sense.
fn term() -> impl Strategy<Value = String> {
    let operator = prop::sample::select(vec!["", "=", "!=", "<", ">", "<=", ">="]);
    let field = prop::sample::select(vec![
        "src port",
        "dst port",
        "tcp port",
        "ip ttl",
        "ip len",
        "ip tos",
        "ip[1]",
        "transp[0:2]",
        "tcp[13]",
        "proto",
    ]);
    let address = prop::sample::select(vec![
        "src 10.0.0.1",
        "dst net 10.0.0.0/30",
        "host 10.0.0.2",
        "tcp",
        "udp",
        "icmp",
        "ip frag",
        "syn",
        "icmp type echo",
        "ether src 2:0:0:0:0:1",
        "net 10/8",
    ]);
    prop_oneof![
        address.prop_map(Into::into),
        (field, operator, 0..256_u32)
            .prop_map(|(field, operator, value)| alloc::format!("{field} {operator} {value}")),
    ]
}

fn expression() -> impl Strategy<Value = String> {
    term().prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| alloc::format!("({a}) and ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| alloc::format!("({a}) or ({b})")),
            inner.clone().prop_map(|a| alloc::format!("not ({a})")),
            (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| alloc::format!("({a}) ? ({b}) : ({c})")),
        ]
    })
}

proptest! {
    /// Decisions are the program, whatever the packet, however short.
    #[test]
    fn decisions_and_programs_agree(
        patterns in prop::collection::vec(expression(), 1..12),
        packets in prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 0..64), 0..20_usize, any::<bool>()),
            1..20,
        ),
    ) {
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        // A flag of TCP behind an Ethernet address is taken for one.
        let Ok(filter) = filter(&patterns) else {
            return Ok(());
        };
        for (bytes, cut, real) in packets {
            let mut packet = if real {
                tcp()
            } else {
                Packet::new(&bytes).unwrap()
            };
            if !real {
                packet.set_mac_header(0);
                packet.set_network_header(cut, 20);
            }
            let _ = packet.take(cut);
            classify(&filter, &packet);
        }
    }

    /// No text makes the parser panic.
    #[test]
    fn any_text_is_a_pattern_or_refused(text in "[a-z0-9 .:/&|!<>=()\\[\\]?-]{0,60}") {
        let _ = parse::pattern(&text, &Scope::default());
    }
}
