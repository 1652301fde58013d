//! The fields of a summary, and their names.

/// What a column of a summary says about a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Timestamp,
    Seconds,
    Microseconds,
    Paint,
    Direction,
    Aggregate,
    WireLen,
    Source,
    Destination,
    Tos,
    Dscp,
    Ecn,
    Ttl,
    Fragment,
    FragmentOffset,
    Id,
    Checksum,
    Protocol,
    HeaderLen,
    IpLen,
    CaptureLen,
    SourcePort,
    DestinationPort,
    TcpSequence,
    TcpAcknowledgement,
    TcpOffset,
    TcpFlags,
    TcpWindow,
    TcpUrgent,
    UdpLen,
    IcmpType,
    IcmpCode,
    IcmpFlow,
    IcmpSequence,
    Payload,
    PayloadLen,
}

/// A field under one of its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) field: Field,
    /// Whether numbers that have a name are written as that.
    pub(super) named: bool,
}

const fn column(name: &'static str, field: Field) -> Column {
    Column {
        name,
        field,
        named: false,
    }
}

const fn named(name: &'static str, field: Field) -> Column {
    Column {
        name,
        field,
        named: true,
    }
}

const COLUMNS: &[Column] = &[
    column("timestamp", Field::Timestamp),
    column("ts_sec", Field::Seconds),
    column("ts_usec", Field::Microseconds),
    column("link", Field::Paint),
    column("paint", Field::Paint),
    column("direction", Field::Direction),
    column("aggregate", Field::Aggregate),
    column("wire_len", Field::WireLen),
    column("ip_src", Field::Source),
    column("ip_dst", Field::Destination),
    column("ip_tos", Field::Tos),
    column("ip_dscp", Field::Dscp),
    column("ip_ecn", Field::Ecn),
    column("ip_ttl", Field::Ttl),
    column("ip_frag", Field::Fragment),
    column("ip_fragoff", Field::FragmentOffset),
    column("ip_id", Field::Id),
    column("ip_sum", Field::Checksum),
    column("ip_proto", Field::Protocol),
    column("ip_hl", Field::HeaderLen),
    column("ip_len", Field::IpLen),
    column("ip_capture_len", Field::CaptureLen),
    column("sport", Field::SourcePort),
    column("dport", Field::DestinationPort),
    column("tcp_seq", Field::TcpSequence),
    column("tcp_ack", Field::TcpAcknowledgement),
    column("tcp_off", Field::TcpOffset),
    column("tcp_flags", Field::TcpFlags),
    column("tcp_window", Field::TcpWindow),
    column("tcp_urp", Field::TcpUrgent),
    column("udp_len", Field::UdpLen),
    column("icmp_type", Field::IcmpType),
    column("icmp_code", Field::IcmpCode),
    named("icmp_type_name", Field::IcmpType),
    column("icmp_flowid", Field::IcmpFlow),
    column("icmp_seq", Field::IcmpSequence),
    column("payload", Field::Payload),
    column("payload_len", Field::PayloadLen),
];

/// Other names of fields.
const SYNONYMS: &[(&str, &str)] = &[
    ("ts", "timestamp"),
    ("utimestamp", "timestamp"),
    ("ntimestamp", "timestamp"),
    ("sec", "ts_sec"),
    ("usec", "ts_usec"),
    ("agg", "aggregate"),
    ("wire_length", "wire_len"),
    ("length", "ip_len"),
    ("ip_p", "ip_proto"),
    ("tcp_seqno", "tcp_seq"),
    ("tcp_ackno", "tcp_ack"),
    ("tcp_win", "tcp_window"),
    ("payload_length", "payload_len"),
];

impl Column {
    /// The field with this name. Blanks may stand for underscores, and `ip_` may be left out.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let name = name.replace(' ', "_");
        let synonym = SYNONYMS.iter().find(|(synonym, _)| *synonym == name);
        let name = synonym.map_or(name.as_str(), |(_, meant)| meant);
        let is_it =
            |column: &&Self| column.name == name || column.name.strip_prefix("ip_") == Some(name);
        COLUMNS.iter().find(is_it).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_short_forms_and_synonyms() {
        for (name, expected) in [
            ("ip_src", Some("ip_src")),
            ("src", Some("ip_src")),
            ("ip src", Some("ip_src")),
            ("ts", Some("timestamp")),
            ("length", Some("ip_len")),
            ("len", Some("ip_len")),
            ("paint", Some("paint")),
            ("icmp_type_name", Some("icmp_type_name")),
            ("nothing", None),
        ] {
            let found = Column::parse(name).map(|column| column.name);
            assert_eq!(found, expected, "{name}");
        }
    }
}
