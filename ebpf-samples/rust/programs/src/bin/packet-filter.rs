//! kind: filter
//! verdict: accept
//! cause: -
//!
//! Passes or drops IPv4 and IPv6 by where packets come from: lists of prefixes, and a default for each.
//!
//! The same tables as in `accept/packet-filter.c`; VLAN tags are not looked behind, and tagged frames drop.
#![no_std]
#![no_main]

use click_ebpf::net::{ETHERNET, TYPE_IPV4, TYPE_IPV6};
use click_ebpf::{Context, Filter, LpmTrie, Prefix, filter, map};

const PASS: u32 = 1;
const TYPE_VLAN: u16 = 0x8100_u16.to_be();

map!(IPV4 = "ipv4": LpmTrie<Prefix<1>, u32> = LpmTrie::new(4096));
map!(IPV6 = "ipv6": LpmTrie<Prefix<4>, u32> = LpmTrie::new(4096));

filter!(packet_filter);

fn packet_filter(packet: &Context) -> Filter {
    let passes =
        match packet.load(12) {
            Some(TYPE_IPV4) => source(packet, 12)
                .is_some_and(|prefix| is_pass(IPV4.with(&prefix, |is| *is == PASS))),
            Some(TYPE_IPV6) => source(packet, 8)
                .is_some_and(|prefix| is_pass(IPV6.with(&prefix, |is| *is == PASS))),
            Some(TYPE_VLAN) | None => false,
            Some(_) => true,
        };
    if passes { Filter::Pass } else { Filter::Drop }
}

/// A whole address, at an offset of the header behind Ethernet's.
fn source<const N: usize>(packet: &Context, offset: usize) -> Option<Prefix<N>> {
    let address = packet.load(ETHERNET + offset)?;
    Some(Prefix {
        length: 32 * N as u32,
        address,
    })
}

/// What was found in a table. An `Option<bool>` is one number with three values; an `Option<u32>` is two, and
/// of one that is `None` LLVM may test the second, which was never set: the verifier refuses that.
fn is_pass(found: Option<bool>) -> bool {
    found == Some(true)
}
