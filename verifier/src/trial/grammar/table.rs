//! The headers that packets are made of.

use Layer::{
    Arp, Dns, Ethernet, Extension, Fragment, Gre, Icmp, Icmpv6, Ipv4, Ipv6, Mpls, Payload, Tcp,
    Udp, Vlan, Vxlan,
};

/// What may lie in a packet, one in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    Ethernet,
    Vlan,
    Mpls,
    Arp,
    Ipv4,
    Ipv6,
    Extension,
    Fragment,
    Tcp,
    Udp,
    Icmp,
    Icmpv6,
    Gre,
    Vxlan,
    Dns,
    /// Bytes of no form.
    Payload,
}

/// One header.
pub(super) struct Header {
    pub(super) layer: Layer,
    /// Its bytes where nothing else is said, without what varies in length.
    pub(super) bytes: &'static [u8],
    pub(super) fields: &'static [Field],
    /// What follows the fixed bytes.
    pub(super) extra: Extra,
    /// Offset and size of the number that says what is inside.
    pub(super) next_at: Option<(usize, usize)>,
    /// What may be inside, with that number; none: any number.
    pub(super) next: &'static [(Option<u32>, Layer)],
}

/// A part of a header.
pub(super) struct Field {
    pub(super) at: usize,
    /// In bytes, at most 4.
    pub(super) size: usize,
    pub(super) is: Is,
}

/// What a field holds.
pub(super) enum Is {
    /// A number of the program, or anything.
    Any,
    /// One of these.
    OneOf(&'static [u32]),
    /// Bytes of the header and all that is inside, plus this.
    Length(i32),
    /// The lengths of the header in units of so many bytes, minus the second number, shifted left
    /// by the third, below the bits in the fourth.
    Words(usize, usize, u32, u32),
    /// The Internet checksum (RFC 1071) of the header alone.
    HeaderChecksum,
    /// That of the header and all that is inside.
    Checksum,
    /// That, together with the addresses around it (RFC 9293, 3.1; RFC 768; RFC 8200, 8.1).
    PseudoChecksum(u8),
    /// 1 when no header of the same kind is inside (RFC 3032, 2.1).
    Bottom,
}

/// What follows the fixed bytes of a header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extra {
    Nothing,
    /// Options: kind alone, or kind, length and content; up to 40 bytes, padded to four.
    Options(&'static [&'static [u8]]),
    /// Options of IPv6 (RFC 8200, 4.2), padded to eight with the header.
    Options6,
    /// A question (RFC 1035, 4.1.2).
    Question,
    /// What the flags of GRE announce (RFC 2890, 2).
    Announced,
}

const fn field(at: usize, size: usize, is: Is) -> Field {
    Field { at, size, is }
}

/// Of Ethernet, tags and GRE: EtherTypes.
const ETHER_TYPES: &[(Option<u32>, Layer)] = &[
    (Some(0x0800), Ipv4),
    (Some(0x86dd), Ipv6),
    (Some(0x0806), Arp),
    (Some(0x8100), Vlan),
    (Some(0x88a8), Vlan),
    (Some(0x8847), Mpls),
    (None, Payload),
];

/// Of IPv4: protocol numbers.
const PROTOCOLS: &[(Option<u32>, Layer)] = &[
    (Some(6), Tcp),
    (Some(17), Udp),
    (Some(1), Icmp),
    (Some(47), Gre),
    (Some(4), Ipv4),
    (Some(41), Ipv6),
    (None, Payload),
];

/// Of IPv6 and its extension headers.
const NEXT_HEADERS: &[(Option<u32>, Layer)] = &[
    (Some(6), Tcp),
    (Some(17), Udp),
    (Some(58), Icmpv6),
    (Some(0), Extension),
    (Some(43), Extension),
    (Some(60), Extension),
    (Some(44), Fragment),
    (Some(47), Gre),
    (Some(4), Ipv4),
    (Some(59), Payload),
];

const PORTS: &[u32] = &[53, 80, 443, 4789, 12345, 0, 0xffff];

/// Options of IPv4 (RFC 791, 3.1; RFC 2113): none, end, record route, timestamp, loose source
/// route, router alert.
const OPTIONS4: &[&[u8]] = &[
    &[1],
    &[0],
    &[7, 7, 4, 0, 0, 0, 0],
    &[68, 8, 5, 0, 0, 0, 0, 0],
    &[131, 7, 4, 10, 0, 0, 1],
    &[148, 4, 0, 0],
];

/// Options of TCP (RFC 9293, 3.2; RFC 7323; RFC 2018): none, end, segment size, window scale,
/// selective acknowledgement permitted and given, timestamps.
const OPTIONS_TCP: &[&[u8]] = &[
    &[1],
    &[0],
    &[2, 4, 5, 0xb4],
    &[3, 3, 7],
    &[4, 2],
    &[5, 10, 0, 0, 0, 1, 0, 0, 0, 2],
    &[8, 10, 0, 0, 0, 1, 0, 0, 0, 2],
];

/// Every header. A layer that is not here is [`Layer::Payload`].
pub(super) const HEADERS: &[Header] = &[
    // IEEE 802.3.
    Header {
        layer: Ethernet,
        bytes: &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0, 0],
        fields: &[
            field(0, 2, Is::OneOf(&[0x0200, 0xffff, 0x0100, 0x3333])),
            field(2, 4, Is::Any),
            field(8, 4, Is::Any),
        ],
        extra: Extra::Nothing,
        next_at: Some((12, 2)),
        next: ETHER_TYPES,
    },
    // IEEE 802.1Q.
    Header {
        layer: Vlan,
        bytes: &[0, 1, 0, 0],
        fields: &[field(0, 2, Is::Any)],
        extra: Extra::Nothing,
        next_at: Some((2, 2)),
        next: ETHER_TYPES,
    },
    // RFC 3032, 2.1.
    Header {
        layer: Mpls,
        bytes: &[0, 0, 0, 64],
        fields: &[field(0, 2, Is::Any), field(2, 1, Is::Bottom)],
        extra: Extra::Nothing,
        next_at: None,
        next: &[(None, Ipv4), (None, Ipv6), (None, Mpls)],
    },
    // RFC 826.
    Header {
        layer: Arp,
        bytes: &[
            0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 2, 10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1,
        ],
        fields: &[
            field(6, 2, Is::OneOf(&[1, 2])),
            field(14, 4, Is::Any),
            field(24, 4, Is::Any),
        ],
        extra: Extra::Nothing,
        next_at: None,
        next: &[(None, Payload)],
    },
    // RFC 791, 3.1.
    Header {
        layer: Ipv4,
        bytes: &[
            0x40, 0, 0, 0, 0, 1, 0, 0, 64, 0, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
        ],
        fields: &[
            field(0, 1, Is::Words(4, 0, 0, 0x40)),
            field(1, 1, Is::Any),
            field(2, 2, Is::Length(0)),
            field(4, 2, Is::Any),
            field(6, 2, Is::OneOf(&[0, 0x4000, 0x2000, 0x00b9])),
            field(8, 1, Is::OneOf(&[64, 1, 0, 255])),
            field(12, 4, Is::Any),
            field(16, 4, Is::Any),
            field(10, 2, Is::HeaderChecksum),
        ],
        extra: Extra::Options(OPTIONS4),
        next_at: Some((9, 1)),
        next: PROTOCOLS,
    },
    // RFC 8200, 3.
    Header {
        layer: Ipv6,
        bytes: &[
            0x60, 0, 0, 0, 0, 0, 0, 64, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
            0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
        ],
        fields: &[
            field(2, 2, Is::Any),
            field(4, 2, Is::Length(-40)),
            field(7, 1, Is::OneOf(&[64, 1, 0, 255])),
            field(20, 4, Is::Any),
            field(36, 4, Is::Any),
        ],
        extra: Extra::Nothing,
        next_at: Some((6, 1)),
        next: NEXT_HEADERS,
    },
    // RFC 8200, 4.3, 4.4 and 4.6: hop-by-hop, routing and destination options have one form.
    Header {
        layer: Extension,
        bytes: &[0, 0],
        fields: &[field(1, 1, Is::Words(8, 1, 0, 0))],
        extra: Extra::Options6,
        next_at: Some((0, 1)),
        next: NEXT_HEADERS,
    },
    // RFC 8200, 4.5.
    Header {
        layer: Fragment,
        bytes: &[0, 0, 0, 0, 0, 0, 0, 1],
        fields: &[
            field(2, 2, Is::OneOf(&[0, 1, 8, 0xfff9])),
            field(4, 4, Is::Any),
        ],
        extra: Extra::Nothing,
        next_at: Some((0, 1)),
        next: NEXT_HEADERS,
    },
    // RFC 9293, 3.1.
    Header {
        layer: Tcp,
        bytes: &[
            0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 0xff, 0xff, 0, 0, 0, 0,
        ],
        fields: &[
            field(0, 2, Is::Any),
            field(0, 2, Is::OneOf(PORTS)),
            field(2, 2, Is::OneOf(PORTS)),
            field(2, 2, Is::Any),
            field(4, 4, Is::Any),
            field(8, 4, Is::Any),
            field(12, 1, Is::Words(4, 0, 4, 0)),
            field(13, 1, Is::OneOf(&[2, 0x12, 0x10, 0x18, 0x11, 4, 0, 0xff])),
            field(16, 2, Is::PseudoChecksum(6)),
        ],
        extra: Extra::Options(OPTIONS_TCP),
        next_at: None,
        next: &[(None, Payload)],
    },
    // RFC 768.
    Header {
        layer: Udp,
        bytes: &[0, 0, 0, 0, 0, 0, 0, 0],
        fields: &[
            field(0, 2, Is::Any),
            field(0, 2, Is::OneOf(PORTS)),
            field(4, 2, Is::Length(0)),
            field(6, 2, Is::PseudoChecksum(17)),
        ],
        extra: Extra::Nothing,
        next_at: Some((2, 2)),
        next: &[(Some(53), Dns), (Some(4789), Vxlan), (None, Payload)],
    },
    // RFC 792.
    Header {
        layer: Icmp,
        bytes: &[8, 0, 0, 0, 0, 1, 0, 1],
        fields: &[
            field(0, 1, Is::OneOf(&[8, 0, 3, 5, 11])),
            field(1, 1, Is::OneOf(&[0, 1, 4])),
            field(4, 4, Is::Any),
            field(2, 2, Is::Checksum),
        ],
        extra: Extra::Nothing,
        next_at: None,
        next: &[(None, Payload)],
    },
    // RFC 4443, 2.1; RFC 4861, 4.
    Header {
        layer: Icmpv6,
        bytes: &[128, 0, 0, 0, 0, 1, 0, 1],
        fields: &[
            field(0, 1, Is::OneOf(&[128, 129, 1, 2, 133, 134, 135, 136])),
            field(4, 4, Is::Any),
            field(2, 2, Is::PseudoChecksum(58)),
        ],
        extra: Extra::Nothing,
        next_at: None,
        next: &[(None, Payload)],
    },
    // RFC 2784, 2; RFC 2890, 2.
    Header {
        layer: Gre,
        bytes: &[0, 0, 0, 0],
        fields: &[],
        extra: Extra::Announced,
        next_at: Some((2, 2)),
        next: &[
            (Some(0x0800), Ipv4),
            (Some(0x86dd), Ipv6),
            (Some(0x6558), Ethernet),
            (Some(0x8847), Mpls),
            (None, Payload),
        ],
    },
    // RFC 7348, 5.
    Header {
        layer: Vxlan,
        bytes: &[8, 0, 0, 0, 0, 0, 1, 0],
        fields: &[field(4, 2, Is::Any)],
        extra: Extra::Nothing,
        next_at: None,
        next: &[(None, Ethernet)],
    },
    // RFC 1035, 4.1.1.
    Header {
        layer: Dns,
        bytes: &[0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0],
        fields: &[
            field(0, 2, Is::Any),
            field(2, 2, Is::OneOf(&[0x0100, 0x8180, 0])),
        ],
        extra: Extra::Question,
        next_at: None,
        next: &[(None, Payload)],
    },
];
