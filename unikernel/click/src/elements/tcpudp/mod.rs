//! Elements that are about TCP and UDP.

pub(super) mod check_tcp_header;
pub(super) mod check_udp_header;
pub(super) mod set_udp_checksum;
pub(super) mod udp_ip_encap;
