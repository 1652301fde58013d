//! Packets as lines of text: IP summary dumps, and the elements that read and write them.

mod describe;
mod draft;
mod field;
mod from_ip_summary_dump;
mod icmp;
mod to_ip_summary_dump;

pub(crate) use from_ip_summary_dump::CLASS as FROM_IP_SUMMARY_DUMP;
pub(crate) use to_ip_summary_dump::CLASS as TO_IP_SUMMARY_DUMP;

/// The protocol ICMP.
const ICMP: u8 = 1;
/// The protocol TCP.
const TCP: u8 = 6;
/// The protocol UDP.
const UDP: u8 = 17;

/// Bytes of an IPv4 header without options.
const IP_LEN: usize = 20;
/// Bytes of a TCP header without options.
const TCP_LEN: usize = 20;
/// Bytes of a UDP header.
const UDP_LEN: usize = 8;
/// Bytes of an ICMP header.
const ICMP_LEN: usize = 8;

/// The flag that forbids fragments.
const DONT_FRAGMENT: u16 = 0x4000;
/// The flag of every fragment but the last.
const MORE_FRAGMENTS: u16 = 0x2000;
/// The offset of a fragment, in units of eight bytes.
const OFFSET_MASK: u16 = 0x1fff;

/// The letters of TCP's flags, the lowest first.
const TCP_FLAGS: &str = "FSRPAUECN";

#[cfg(test)]
mod tests {
    use alloc::format;

    use crate::testing::{MemoryHost, router, run};

    /// What comes out when `lines` are read with fields and options and written with others.
    fn through(options: &str, lines: &str, fields: &str) -> alloc::string::String {
        let mut host = MemoryHost::new(&[]);
        let text = format!(
            "FromIPSummaryDump(DATA \"{lines}\", STOP true{options})
                -> ToIPSummaryDump(-, HEADER false, FIELDS {fields})"
        );
        run(&text, &mut host);
        assert!(host.messages.is_empty(), "{:?}", host.messages);
        host.printed
    }

    #[test]
    fn what_is_written_says_what_was_read() {
        for (fields, line) in [
            ("timestamp", "1.500000"),
            ("timestamp", "1.000000001"),
            ("ts_sec ts_usec", "7 8"),
            ("link direction aggregate", "1 < 5"),
            ("ip_src ip_dst ip_proto", "1.2.3.4 5.6.7.8 T"),
            (
                "ip_src sport ip_dst dport ip_proto",
                "1.0.0.1 80 2.0.0.2 81 U",
            ),
            ("ip_tos ip_ttl ip_id ip_sum ip_hl", "12 64 99 77 24"),
            ("ip_dscp ip_ecn", "4 ect1"),
            ("ip_fragoff", "8+"),
            ("ip_id ip_frag", "1 !"),
            (
                "sport tcp_seq tcp_ack tcp_flags tcp_window tcp_urp tcp_off",
                "1 2 3 SA 4 5 24",
            ),
            (
                "icmp_type_name icmp_code icmp_flowid icmp_seq ip_proto",
                "echo 0 3 4 I",
            ),
            ("ip_proto payload payload_len", "U \\\"abc\\\" 3"),
            ("ip_proto udp_len ip_len", "U 8 28"),
        ] {
            let lines = format!("!data {fields}\n# a remark\n\n{line}\n");
            let expected = line.replace("\\\"", "\"") + "\n";
            assert_eq!(through("", &lines, fields), expected, "{fields}");
        }
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let all = "ip_src sport ip_proto ip_ttl ip_len payload_len udp_len icmp_type";
        for (options, lines, line) in [
            ("", "!data ip_dst\n1.2.3.4", "0.0.0.0 0 T 100 40 0 - -"),
            (
                ", PROTO 17",
                "!data ip_dst\n1.2.3.4",
                "0.0.0.0 0 U 100 28 0 8 -",
            ),
            (
                ", FLOWID 9.9.9.9 5 8.8.8.8 6 U",
                "!data ip_id\n1",
                "9.9.9.9 5 U 100 28 0 8 -",
            ),
            (
                "",
                "!flowid 9.9.9.9 5 8.8.8.8 6 U\n!data ip_id\n1",
                "9.9.9.9 5 U 100 28 0 8 -",
            ),
            (", FIELDS ip_len", "60", "0.0.0.0 0 T 100 60 20 - -"),
            ("", "!data link\n1", "- - - - 0 0 - -"),
            (
                "",
                "!data ip_src ip_ttl\n1.1.1.1 -",
                "1.1.1.1 0 T 100 40 0 - -",
            ),
            ("", "!data ip_fragoff\n8", "0.0.0.0 - T 100 20 0 - -"),
        ] {
            assert_eq!(through(options, lines, all), format!("{line}\n"), "{lines}");
        }
    }

    #[test]
    fn complete_packets_have_right_checksums() {
        for proto in ["T", "U", "I"] {
            let mut host = MemoryHost::new(&[]);
            let text = format!(
                "FromIPSummaryDump(DATA \"!data ip_src ip_proto ip_len payload\n1.2.3.4 {proto} 61 \\\"abc\\\"\",
                    CHECKSUM true) -> ToDump(out)"
            );
            run(&text, &mut host);
            let packet = &host.written("out")[0];
            assert_eq!(packet.len(), 61, "{proto}");
            let sum = |bytes: &[u8], seed| {
                bpf_runtime::checksum::field(bpf_runtime::checksum::partial(bytes, seed))
            };
            assert_eq!(sum(&packet[..20], 0), [0, 0], "{proto}");
            let pseudo = [0, packet[9], 0, 41];
            let seed = match proto {
                "I" => 0,
                _ => bpf_runtime::checksum::partial(
                    &packet[12..20],
                    bpf_runtime::checksum::partial(&pseudo, 0),
                ),
            };
            assert_eq!(sum(&packet[20..], seed), [0, 0], "{proto}");
        }
    }

    #[test]
    fn lines_that_say_nothing_are_reported_once() {
        let mut host = MemoryHost::new(&[]);
        let text = "f :: FromIPSummaryDump(DATA \"x\n!data ip_ttl nothing\n!data ip_ttl\n999\nx\n7\") -> c :: Counter -> Discard";
        let router = run(text, &mut host);
        assert_eq!(router.read_handler("c.count").unwrap(), "1");
        assert_eq!(host.messages.len(), 2, "{:?}", host.messages);
    }

    #[test]
    fn packets_keep_their_distance() {
        let mut host = MemoryHost::new(&[]);
        let text = "FromIPSummaryDump(DATA \"!data timestamp\n5\n5.5\n7\", TIMING true)
            -> SetTimestamp -> ToDump(out)";
        run(text, &mut host);
        let times: alloc::vec::Vec<u64> = host.outputs["out"]
            .borrow()
            .iter()
            .map(|p| p.0 / 1_000_000)
            .collect();
        assert_eq!((times[1] - times[0], times[2] - times[0]), (500, 2000));
    }

    #[test]
    fn wrong_arguments_are_refused() {
        for text in [
            "FromIPSummaryDump -> Discard",
            "FromIPSummaryDump(a, DATA b) -> Discard",
            "FromIPSummaryDump(DATA b, FIELDS x) -> Discard",
            "FromIPSummaryDump(DATA b, FLOWID 1) -> Discard",
            "FromIPSummaryDump(DATA b, PROTO x) -> Discard",
            "FromIPSummaryDump(nowhere) -> Discard",
            "Idle -> ToIPSummaryDump(-, FIELDS x)",
            "Idle -> ToIPSummaryDump(-, FIELDS '')",
        ] {
            assert!(router(text, &mut MemoryHost::new(&[])).is_err(), "{text}");
        }
    }
}
