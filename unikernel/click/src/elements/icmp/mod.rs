//! Elements that are about ICMP.

pub(super) mod check_icmp_header;
pub(super) mod icmp_error;
pub(super) mod icmp_ping_responder;
