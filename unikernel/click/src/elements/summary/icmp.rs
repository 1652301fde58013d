//! Names of ICMP types, as Click has them.

const TYPES: &[(&str, u8)] = &[
    ("echo-reply", 0),
    ("unreachable", 3),
    ("sourcequench", 4),
    ("redirect", 5),
    ("echo", 8),
    ("routeradvert", 9),
    ("routersolicit", 10),
    ("timeexceeded", 11),
    ("parameterproblem", 12),
    ("timestamp", 13),
    ("timestamp-reply", 14),
];

pub(super) fn number(name: &str) -> Option<u8> {
    let found = TYPES.iter().find(|(known, _)| *known == name);
    found.map(|(_, number)| *number)
}

pub(super) fn name(number: u8) -> Option<&'static str> {
    let found = TYPES.iter().find(|(_, known)| *known == number);
    found.map(|(name, _)| *name)
}
