//! The elements: a file each, whose documentation is the element's manual page, and their table.

mod annotation;
mod average_counter;
mod bpf;
mod check_paint;
mod classifier;
mod control;
mod control_socket;
mod counter;
mod delay_unqueue;
mod discard;
mod ether_mirror;
mod ethernet;
mod from_device;
mod from_dump;
mod icmp;
mod idle;
mod infinite_source;
mod info;
mod ip;
mod limit;
mod message;
mod null;
mod paint;
mod paint_switch;
mod paint_tee;
mod print;
mod pull_switch;
mod pull_tee;
mod queue;
mod rated_source;
mod rated_unqueue;
mod rejections;
mod rewriter;
mod round_robin_switch;
mod script;
mod set_timestamp;
mod shaper;
mod storage;
mod strip;
mod strip_to_network_header;
mod summary;
mod switch;
mod tcpudp;
mod tee;
mod to_device;
mod to_dump;
mod token_bucket;
mod truncate;
mod unqueue;
mod unstrip;

pub(crate) use bpf::Runner;
pub use bpf::{Finished, Ready, ReplaceError, Replaced, Replacement};

pub use crate::element::{ElementClass, Handler};

/// Every class, by name.
pub static ALL: &[ElementClass] = &[
    ethernet::arp_print::CLASS,
    ethernet::arp_querier::CLASS,
    ethernet::arp_responder::CLASS,
    info::ADDRESS,
    average_counter::CLASS,
    bpf::CLASSIFIER,
    bpf::FILTER,
    bpf::REWRITER,
    bpf::FILTER_ALIAS,
    rated_unqueue::BANDWIDTH,
    shaper::BANDWIDTH,
    icmp::check_icmp_header::CLASS,
    ip::check_ip_header::CLASS,
    ip::check_ip_header::WITHOUT_CHECKSUM,
    check_paint::CLASS,
    tcpudp::check_tcp_header::CLASS,
    tcpudp::check_udp_header::CLASS,
    classifier::CLASS,
    control::CLASS,
    control_socket::CLASS,
    counter::CLASS,
    ip::dec_ip_ttl::CLASS,
    delay_unqueue::CLASS,
    ip::ip_lookup::DIRECT,
    discard::CLASS,
    script::DRIVER_MANAGER,
    ethernet::drop_broadcasts::CLASS,
    message::ERROR,
    ethernet::ether_encap::CLASS,
    ether_mirror::CLASS,
    ethernet::ether_switch::CLASS,
    ip::fix_ip_src::CLASS,
    from_device::CLASS,
    from_dump::CLASS,
    summary::FROM_IP_SUMMARY_DUMP,
    queue::FULL_NOTE,
    ip::get_ip_address::CLASS,
    ethernet::host_ether_filter::CLASS,
    icmp::icmp_error::CLASS,
    icmp::icmp_ping_responder::CLASS,
    rewriter::PING,
    rewriter::ICMP,
    ip::filter::CLASSIFIER,
    ip::ip_encap::CLASS,
    ip::filter::FILTER,
    ip::ip_fragmenter::CLASS,
    ip::ip_gw_options::CLASS,
    ip::ip_input_combo::CLASS,
    ip::ip_mirror::CLASS,
    ip::ip_output_combo::CLASS,
    ip::ip_print::CLASS,
    ip::ip_reassembler::CLASS,
    rewriter::IP,
    rewriter::PATTERNS,
    idle::CLASS,
    infinite_source::CLASS,
    ip::ip_lookup::LINEAR,
    ip::mark_ip_header::CLASS,
    message::CLASS,
    queue::NOTIFIER,
    null::CLASS,
    paint::CLASS,
    paint_switch::CLASS,
    paint_tee::CLASS,
    info::PORT,
    print::CLASS,
    print::TIMED,
    null::PULL,
    pull_switch::CLASS,
    pull_tee::CLASS,
    null::PUSH,
    queue::CLASS,
    ip::ip_lookup::RADIX,
    ip::ip_lookup::RANGE,
    rated_source::CLASS,
    rated_unqueue::CLASS,
    round_robin_switch::CLASS,
    info::SCHEDULE,
    script::CLASS,
    ip::set_ip_address::CLASS,
    ip::set_ip_checksum::CLASS,
    set_timestamp::CLASS,
    tcpudp::set_udp_checksum::CLASS,
    shaper::CLASS,
    queue::SIMPLE,
    ip::ip_lookup::STATIC,
    pull_switch::STATIC,
    switch::STATIC,
    strip::CLASS,
    ethernet::strip_ether_vlan_header::CLASS,
    strip_to_network_header::CLASS,
    switch::CLASS,
    rewriter::TCP,
    tee::CLASS,
    queue::THREAD_SAFE,
    to_device::CLASS,
    to_dump::CLASS,
    summary::TO_IP_SUMMARY_DUMP,
    truncate::CLASS,
    tcpudp::udp_ip_encap::CLASS,
    rewriter::UDP,
    unqueue::CLASS,
    unstrip::CLASS,
];

#[cfg(test)]
pub(crate) use self::{
    discard::CLASS as DISCARD, infinite_source::CLASS as INFINITE_SOURCE, print::CLASS as PRINT,
};

/// The class with this name.
#[must_use]
pub fn class(name: &str) -> Option<&'static ElementClass> {
    ALL.iter().find(|class| class.name == name)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::*;
    use crate::handlers::HandlerError;
    use crate::testing::{MemoryHost, router, run};

    #[test]
    fn the_table_is_sorted_and_names_are_unique() {
        for pair in ALL.windows(2) {
            assert!(pair[0].name < pair[1].name, "{pair:?}");
        }
    }

    #[test]
    fn every_manual_is_complete() {
        for class in ALL {
            let manual = class.manual;
            let mut rest = manual;
            for section in ["# Configuration", "# Ports", "# Handlers", "# Example"] {
                let at = rest.find(section);
                let at = at.unwrap_or_else(|| panic!("{}: no {section}", class.name));
                rest = &rest[at..];
            }
            for keyword in class.keywords {
                assert!(
                    manual.contains(&alloc::format!("- {keyword}")),
                    "{} {keyword}",
                    class.name
                );
            }
            for handler in class.handlers {
                let name = alloc::format!("`{}`", handler.name);
                assert!(manual.contains(&name), "{} {name}", class.name);
            }
            assert!(!class.summary().is_empty());
        }
    }

    /// The configuration in the last section of a manual.
    fn example(class: &ElementClass) -> String {
        let example = class.manual.split("```click").nth(1).unwrap();
        example.split("```").next().unwrap().into()
    }

    #[test]
    fn every_example_works() {
        for class in ALL {
            let mut host = MemoryHost::new(&[&[0; 20]]);
            let text = example(class);
            assert!(text.contains(class.name), "{text}");
            run(&text, &mut host);
        }
    }

    /// Packets of many kinds with an Ethernet header: whole, cut anywhere, and with each byte changed.
    fn hostile_packets() -> Vec<Vec<u8>> {
        let ether = |kind: u8| [&[2; 12][..], &[8, kind]].concat();
        let ip = |protocol: u8, rest: &[u8]| {
            let len = u8::try_from(28 + rest.len()).unwrap();
            // With options: a route, and a time that has room for one.
            let header = [
                0x47, 0, 0, len, 0, 1, 0x20, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
            ];
            let mut header = [&header[..], &[7, 4, 4, 0, 68, 4, 5, 0]].concat();
            let sum = bpf_runtime::checksum::partial(&header, 0);
            header[10..12].copy_from_slice(&bpf_runtime::checksum::field(sum));
            [&ether(0)[..], &header, rest].concat()
        };
        let arp = [
            &ether(6)[..],
            &[0, 1, 8, 0, 6, 4, 0, 2],
            &[2; 6],
            &[10, 0, 0, 2],
            &[1; 10],
        ]
        .concat();
        let quoted = ip(17, &[0, 53, 0, 53, 0, 8, 0, 0])[14..].to_vec();
        let seeds = [
            ip(17, &[0, 53, 0, 53, 0, 12, 0, 0, 1, 2, 3, 4]),
            ip(
                6,
                &[
                    0, 80, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0,
                ],
            ),
            ip(1, &[8, 0, 0, 0, 0, 1, 0, 1]),
            ip(1, &[&[3, 3, 0, 0, 0, 0, 0, 0][..], &quoted].concat()),
            arp,
        ];
        let mut packets = Vec::new();
        for seed in seeds {
            packets.extend((0..seed.len()).map(|len| seed[..len].to_vec()));
            for at in 0..seed.len() {
                for bits in [0xff, 0x01, 0x20, 0x80] {
                    let mut changed = seed.clone();
                    changed[at] ^= bits;
                    packets.push(changed);
                }
            }
            packets.push(seed);
        }
        packets
    }

    /// Whatever arrives, in whatever state, no element panics: at the front of packets, at the IP
    /// header, and with addresses noted.
    #[test]
    fn no_element_panics_over_any_packet() {
        let packets = hostile_packets();
        let packets: Vec<&[u8]> = packets.iter().map(|packet| &packet[..]).collect();
        for class in ALL {
            let example = example(class);
            for before in [
                "",
                "MarkIPHeader(14) ->",
                "MarkIPHeader(14) -> Strip(14) -> GetIPAddress(16) ->",
            ] {
                let source = alloc::format!("FromDump(in.pcap) -> {before} ");
                let mut text = example.clone();
                for begin in [
                    "FromDump(in.pcap, STOP true) -> Strip(14) -> CheckIPHeader ->",
                    "FromDump(in.pcap, STOP true) -> MarkIPHeader(14) ->",
                    "FromDump(in.pcap, STOP true) ->",
                    "InfiniteSource(LIMIT 5, STOP true) ->",
                    "InfiniteSource(LIMIT 5, STOP true)\n    ->",
                ] {
                    text = text.replace(begin, &source);
                }
                if router(&text, &mut MemoryHost::new(&[])).is_ok() {
                    run(&text, &mut MemoryHost::new(&packets));
                }
            }
        }
    }

    #[test]
    fn every_handler_of_the_table_exists() {
        for class in ALL {
            let mut host = MemoryHost::new(&[&[0; 20]]);
            let mut router = router(&example(class), &mut host).unwrap();
            let elements = router.config().elements().iter();
            let named: Vec<String> = elements
                .filter(|element| element.class.name == class.name)
                .map(|element| element.name.clone())
                .collect();
            for handler in class.handlers {
                let name = alloc::format!("{}.{}", named[0], handler.name);
                if handler.readable {
                    let read = router.call_read(&mut host, &name);
                    assert!(known(&read), "{name}: {read:?}");
                }
                if handler.writable {
                    let written = router.call_write(&mut host, &alloc::format!("{name} 1"));
                    assert!(known(&written), "{name}: {written:?}");
                }
            }
        }
    }

    /// Whether an element knows a handler: it does what it is asked to, or says why not.
    fn known<T>(answer: &Result<T, HandlerError>) -> bool {
        match answer {
            Ok(_) | Err(HandlerError::Refused { .. } | HandlerError::Value { .. }) => true,
            Err(_) => false,
        }
    }

    #[test]
    fn print_writes_what_click_writes() {
        let bytes: Vec<u8> = (0x3e..0x5e).collect();
        for (arguments, line) in [
            (
                "",
                "  32 | 3e3f4041 42434445 46474849 4a4b4c4d 4e4f5051 52535455",
            ),
            ("a b", ""),
            (
                "'a b'",
                "a b:   32 | 3e3f4041 42434445 46474849 4a4b4c4d 4e4f5051 52535455",
            ),
            ("x, 5", "x:   32 | 3e3f4041 42"),
            ("x, 0", "x:   32"),
            ("x, CONTENTS none", "x:   32"),
            ("x, CONTENTS false", "x:   32"),
            ("x, 9, CONTENTS ASCII", "x:   32 |  >?@ABCDE F"),
            ("x, MAXLENGTH 1, TIMESTAMP true", "x: 0.000001:   32 | 3e"),
            ("x, ACTIVE no", ""),
        ] {
            let mut host = MemoryHost::new(&[&bytes]);
            let text = alloc::format!("FromDump(in.pcap) -> Print({arguments}) -> Discard");
            match router(&text, &mut host) {
                Err(_) => assert_eq!(line, "", "{arguments}"),
                Ok(mut router) => {
                    router.run(&mut host, || false).unwrap();
                    assert_eq!(host.messages.concat(), line, "{arguments}");
                }
            }
        }
    }

    #[test]
    fn switches_and_classifiers_choose_outputs() {
        let mut host = MemoryHost::new(&[b"\x01a", b"\x02b", b"\x01c", b"", b"\x03d"]);
        let text = "f :: FromDump(in.pcap) -> t :: Tee(3);
            t [0] -> c :: Classifier(0/01, 0/02); c [0] -> ToDump(ones); c [1] -> ToDump(twos);
            t [1] -> r :: RoundRobinSwitch; r [0] -> ToDump(even); r [1] -> ToDump(odd);
            t [2] -> s :: Switch(1); s [0] -> ToDump(no); s [1] -> ToDump(yes)";
        let mut router = run(text, &mut host);
        assert_eq!(host.written("ones"), [b"\x01a", b"\x01c"]);
        assert_eq!(host.written("twos"), [b"\x02b"]);
        assert_eq!(host.written("even").len(), 3);
        assert_eq!(host.written("odd").len(), 2);
        assert_eq!(
            (host.written("no").len(), host.written("yes").len()),
            (0, 5)
        );
        router.write_handler("s.switch", "-1").unwrap();
        assert_eq!(router.read_handler("s.switch").unwrap(), "-1");
        assert!(router.write_handler("s.switch", "x").is_err());
    }

    #[test]
    fn addresses_are_swapped_where_there_are_two() {
        let mut host = MemoryHost::new(&[b"abcdefABCDEF..", b"abcdefABCDE"]);
        run("FromDump(in.pcap) -> EtherMirror -> ToDump(out)", &mut host);
        let expected = [&b"ABCDEFabcdef.."[..], b"abcdefABCDE"];
        assert_eq!(host.written("out"), expected);
    }

    #[test]
    fn strip_leaves_nothing_of_a_short_packet() {
        let mut host = MemoryHost::new(&[b"abc", b"abcdef"]);
        run("FromDump(in.pcap) -> Strip(4) -> ToDump(out)", &mut host);
        assert_eq!(host.written("out"), [&b""[..], b"ef"]);
    }

    #[test]
    fn sources_repeat_and_cut_their_data() {
        for (arguments, packet) in [
            ("ab, LENGTH 5", &b"ababa"[..]),
            ("abc, LENGTH 2", b"ab"),
            ("\\<00 ff>", b"\0\xff"),
            ("'', LENGTH 0", b""),
            ("LENGTH 3", &[0; 3]),
            ("LENGTH 64", &[0; 64]),
        ] {
            let mut host = MemoryHost::new(&[]);
            let limited =
                alloc::format!("InfiniteSource({arguments}, LIMIT 1, STOP true) -> ToDump(out)");
            run(&limited, &mut host);
            assert_eq!(host.written("out"), [packet], "{arguments}");
        }
    }

    #[test]
    fn dumps_are_cut_at_snaplen_and_packets_go_on_whole() {
        let mut host = MemoryHost::new(&[b"abcdef"]);
        run(
            "FromDump(in.pcap) -> ToDump(a, 4) -> ToDump(b, SNAPLEN 0)",
            &mut host,
        );
        assert_eq!(host.written("a"), [b"abcd"]);
        assert_eq!(host.written("b"), [b"abcdef"]);
    }

    #[test]
    fn a_packet_longer_than_the_platform_takes_is_dropped_and_reported() {
        let long = alloc::vec![0; platform_click::limits::MAX_PACKET_SIZE + 1];
        let mut host = MemoryHost::new(&[&long, b"x", &long]);
        let router = run("f :: FromDump(in.pcap) -> d :: Discard", &mut host);
        assert_eq!(router.read_handler("f.oversize").unwrap(), "2");
        assert_eq!(router.read_handler("d.count").unwrap(), "1");
        assert_eq!(host.messages.len(), 1);
    }
}
