//! kind: filter
//! verdict: accept
//! cause: -
//!
//! Drops TCP and UDP to port 12345 in Ethernet frames, passes the rest.
//!
//! Later fragments have no ports, and pass; so does what ends before its port.
#![no_std]
#![no_main]

use click_ebpf::net::{ETHERNET, IPV4, TCP, TYPE_IPV4, UDP};
use click_ebpf::{Context, Filter, filter};

const PORT: u16 = 12345;

filter!(target_port);

fn target_port(packet: &Context) -> Filter {
    match port(packet) {
        Some(PORT) => Filter::Drop,
        _ => Filter::Pass,
    }
}

/// The port that TCP or UDP is for.
fn port(packet: &Context) -> Option<u16> {
    let frame: u16 = packet.load(12)?;
    let version: u8 = packet.load(ETHERNET)?;
    let fragment: u16 = packet.load(ETHERNET + 6)?;
    let protocol: u8 = packet.load(ETHERNET + 9)?;
    let length = usize::from(version & 0xf) * 4;
    let is_later = fragment & 0x1fff_u16.to_be() != 0;
    if frame != TYPE_IPV4 || length < IPV4 || is_later || (protocol != TCP && protocol != UDP) {
        return None;
    }
    let port: u16 = packet.load(ETHERNET + length + 2)?;
    Some(u16::from_be(port))
}
