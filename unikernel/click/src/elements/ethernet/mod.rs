//! Elements that are about Ethernet and ARP.

pub(super) mod arp_print;
pub(super) mod arp_querier;
pub(super) mod arp_responder;
mod arp_table;
pub(super) mod drop_broadcasts;
pub(super) mod ether_encap;
pub(super) mod ether_switch;
pub(super) mod host_ether_filter;
pub(super) mod strip_ether_vlan_header;
