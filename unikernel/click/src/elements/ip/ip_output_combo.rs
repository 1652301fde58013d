//! IPOutputCombo.

use alloc::boxed::Box;
use core::net::Ipv4Addr;

use bpf_runtime::PacketType;

use super::super::paint::read_color;
use super::ip_gw_options::Gateway;
use super::{dec_ip_ttl, fix_ip_src};
use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::HostError;
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// DropBroadcasts, PaintTee, IPGWOptions, FixIPSrc, DecIPTTL and the test of IPFragmenter in one.
    ///
    /// # Configuration
    /// `IPOutputCombo(COLOR, IPADDR, MTU)`
    /// - COLOR: as in PaintTee.
    /// - IPADDR: this router's address, as in IPGWOptions and FixIPSrc.
    /// - MTU: as in IPFragmenter.
    ///
    /// # Ports
    /// One push input. Five push outputs: packets; copies of packets with the colour; packets with bad
    /// options, or without an IP header; packets whose time is over; packets that are too long.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// FromDump(in.pcap, STOP true) -> Strip(14) -> CheckIPHeader -> o :: IPOutputCombo(1, 10.0.0.1, 1500);
    /// o [0] -> Discard; o [1] -> Discard; o [2] -> Discard; o [3] -> Discard; o [4] -> Discard;
    /// ```
    pub(crate) struct IpOutputCombo {
        color: u8,
        address: Ipv4Addr,
        gateway: Gateway,
        mtu: usize,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "IPOutputCombo",
    manual: IpOutputCombo::MANUAL,
    inputs: Side::exactly(1, Processing::Push),
    outputs: Side::exactly(5, Processing::Push),
    keywords: &["COLOR", "IPADDR", "MTU"],
    handlers: &[],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let color = arguments.mandatory("COLOR")?;
    let address = arguments.mandatory("IPADDR")?;
    let mtu = arguments.mandatory("MTU")?;
    let scope = arguments.scope();
    Ok(Box::new(IpOutputCombo {
        color: read_color(color)?,
        address: scope.read_address(address)?,
        gateway: Gateway::read(address, None, scope)?,
        mtu: mtu.at_most(usize::MAX, "a number of bytes")?,
    }))
}

const COPIES: usize = 1;
const BAD_OPTIONS: usize = 2;
const EXPIRED: usize = 3;
const TOO_LONG: usize = 4;

impl Element for IpOutputCombo {
    fn push(
        &mut self,
        _: usize,
        mut packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        if matches!(
            packet.notes.packet_type,
            PacketType::Broadcast | PacketType::Multicast
        ) {
            return Ok(());
        }
        if packet.notes.paint() == self.color {
            context.push(COPIES, packet.clone());
        }
        let now_ns = context.host.clock_ns();
        if let Err(at) = self.gateway.record(&mut packet, now_ns) {
            packet.notes.set_parameter_problem(at);
            context.push(BAD_OPTIONS, packet);
            return Ok(());
        }
        fix_ip_src::fix(&mut packet, self.address);
        let output = if dec_ip_ttl::decrease(&mut packet, true).is_none() {
            EXPIRED
        } else if packet.len() > self.mtu {
            TOO_LONG
        } else {
            0
        };
        context.push(output, packet);
        Ok(())
    }
}
