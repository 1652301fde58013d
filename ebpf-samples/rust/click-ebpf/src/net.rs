//! Numbers of protocols, and where headers are in an Ethernet frame.

/// Bytes of an Ethernet header.
pub const ETHERNET: usize = 14;
/// Bytes of an IPv4 header without options.
pub const IPV4: usize = 20;
/// The type of frames that carry IPv4, as it is in the packet.
pub const TYPE_IPV4: u16 = 0x0800_u16.to_be();
/// The type of frames that carry IPv6, as it is in the packet.
pub const TYPE_IPV6: u16 = 0x86dd_u16.to_be();
/// TCP.
pub const TCP: u8 = 6;
/// UDP.
pub const UDP: u8 = 17;
