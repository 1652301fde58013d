//! Names that everybody knows: protocols, ports, and ICMP's types and codes, as in Click
//! (`elements/ip/ipnameinfo.cc`), whose numbers are IANA's.

/// A name and its number.
type Entry = (&'static str, u16);

/// Protocols above IP.
const PROTOCOLS: &[Entry] = &[
    ("dccp", 33),
    ("gre", 47),
    ("icmp", 1),
    ("igmp", 2),
    ("ipip", 4),
    ("sctp", 132),
    ("tcp", 6),
    ("udp", 17),
];

/// Ports of TCP and UDP.
const PORTS: &[Entry] = &[
    ("auth", 113),
    ("bootpc", 68),
    ("bootps", 67),
    ("chargen", 19),
    ("daytime", 13),
    ("discard", 9),
    ("dns", 53),
    ("domain", 53),
    ("echo", 7),
    ("finger", 79),
    ("ftp", 21),
    ("ftp-data", 20),
    ("http", 80),
    ("https", 443),
    ("imap3", 220),
    ("imaps", 993),
    ("irc", 194),
    ("netbios-dgm", 138),
    ("netbios-ns", 137),
    ("netbios-ssn", 139),
    ("nntp", 119),
    ("ntp", 123),
    ("pop3", 110),
    ("pop3s", 995),
    ("pptp", 1723),
    ("rip", 520),
    ("route", 520),
    ("smtp", 25),
    ("snmp", 161),
    ("snmp-trap", 162),
    ("ssh", 22),
    ("sunrpc", 111),
    ("telnet", 23),
    ("tftp", 69),
    ("www", 80),
];

/// Types of ICMP messages.
const ICMP_TYPES: &[Entry] = &[
    ("echo", 8),
    ("echo-reply", 0),
    ("inforeq", 15),
    ("inforeq-reply", 16),
    ("maskreq", 17),
    ("maskreq-reply", 18),
    ("parameterproblem", 12),
    ("redirect", 5),
    ("routeradvert", 9),
    ("routersolicit", 10),
    ("sourcequench", 4),
    ("timeexceeded", 11),
    ("timestamp", 13),
    ("timestamp-reply", 14),
    ("unreachable", 3),
];

/// Codes of the type `unreachable`.
const UNREACHABLE: &[Entry] = &[
    ("filterprohibited", 13),
    ("host", 1),
    ("hostprecedence", 14),
    ("hostprohibited", 10),
    ("hostunknown", 7),
    ("isolated", 8),
    ("needfrag", 4),
    ("net", 0),
    ("netprohibited", 9),
    ("netunknown", 6),
    ("port", 3),
    ("precedencecutoff", 15),
    ("protocol", 2),
    ("srcroutefail", 5),
    ("toshost", 12),
    ("tosnet", 11),
];

/// Codes of the type `redirect`.
const REDIRECT: &[Entry] = &[("host", 1), ("net", 0), ("toshost", 3), ("tosnet", 2)];

/// Codes of the type `timeexceeded`.
const TIME_EXCEEDED: &[Entry] = &[("reassembly", 1), ("transit", 0)];

/// Codes of the type `parameterproblem`.
const PARAMETER_PROBLEM: &[Entry] = &[("erroratptr", 0), ("length", 2), ("missingopt", 1)];

/// The codes of an ICMP type that have names.
const fn icmp_codes(icmp_type: u8) -> &'static [Entry] {
    match icmp_type {
        3 => UNREACHABLE,
        5 => REDIRECT,
        11 => TIME_EXCEEDED,
        12 => PARAMETER_PROBLEM,
        _ => &[],
    }
}

fn number(table: &[Entry], name: &str) -> Option<u16> {
    let entry = table.iter().find(|(known, _)| *known == name);
    entry.map(|(_, number)| *number)
}

fn name(table: &[Entry], number: u8) -> Option<&'static str> {
    let entry = table.iter().find(|(_, known)| *known == u16::from(number));
    entry.map(|(name, _)| *name)
}

/// The number of a protocol above IP.
pub(crate) fn protocol(name: &str) -> Option<u8> {
    number(PROTOCOLS, name)?.try_into().ok()
}

/// The name of a protocol above IP.
pub(crate) fn protocol_name(protocol: u8) -> Option<&'static str> {
    name(PROTOCOLS, protocol)
}

/// A port that everybody knows.
pub(crate) fn port(name: &str) -> Option<u16> {
    number(PORTS, name)
}

/// The number of an ICMP type.
pub(crate) fn icmp_type(name: &str) -> Option<u8> {
    number(ICMP_TYPES, name)?.try_into().ok()
}

/// The name of an ICMP type.
pub(crate) fn icmp_type_name(icmp_type: u8) -> Option<&'static str> {
    name(ICMP_TYPES, icmp_type)
}

/// The number of a code of an ICMP type.
pub(crate) fn icmp_code(icmp_type: u8, name: &str) -> Option<u8> {
    number(icmp_codes(icmp_type), name)?.try_into().ok()
}

/// The name of a code of an ICMP type.
pub(crate) fn icmp_code_name(icmp_type: u8, code: u8) -> Option<&'static str> {
    name(icmp_codes(icmp_type), code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_belong_together() {
        for (name, number) in PROTOCOLS {
            assert_eq!(protocol_name(protocol(name).unwrap()), Some(*name));
            assert_eq!(protocol(name).map(u16::from), Some(*number));
        }
        for (name, _) in ICMP_TYPES {
            assert_eq!(icmp_type_name(icmp_type(name).unwrap()), Some(*name));
        }
        for icmp_type in [3, 5, 11, 12] {
            for (name, _) in icmp_codes(icmp_type) {
                let code = icmp_code(icmp_type, name).unwrap();
                assert_eq!(icmp_code_name(icmp_type, code), Some(*name));
            }
        }
        assert_eq!(
            (port("ssh"), port("none"), icmp_code(8, "host")),
            (Some(22), None, None)
        );
    }
}
