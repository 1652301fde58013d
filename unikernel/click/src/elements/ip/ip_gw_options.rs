//! IPGWOptions.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::ipv4::{self, Ipv4};
use crate::headers::{get, set};
use crate::in_place::{InPlace, in_place};
use crate::language::{Arguments, Value};
use crate::names::Scope;
use crate::packet::Packet;

manual! {
    /// Does what a router has to do about the IP options Record Route and Timestamp.
    ///
    /// Other options are left alone. A packet whose options are wrong, and one without an IP header, is
    /// refused; where it is wrong is noted for ICMPError.
    ///
    /// # Configuration
    /// `IPGWOptions(MYADDR [, OTHERADDRS])`
    /// - MYADDR: the address that is recorded.
    /// - OTHERADDRS: other addresses of this router, for timestamps that ask for one.
    ///
    /// # Ports
    /// One agnostic input. The first output is agnostic; a second one, push, gets what would be
    /// dropped otherwise.
    ///
    /// # Handlers
    /// - `drops` (read): packets refused.
    ///
    /// # Example
    /// ```click
    /// FromDump(in.pcap, STOP true) -> Strip(14) -> CheckIPHeader -> g :: IPGWOptions(10.0.0.1) -> Discard;
    /// g [1] -> ICMPError(10.0.0.1, parameterproblem) -> Discard;
    /// ```
    pub(crate) struct IPGWOptions {
        gateway: Gateway,
        drops: u64,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "IPGWOptions",
    manual: IPGWOptions::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::between(1, 2, Processing::Agnostic).then(Processing::Push),
    keywords: &["MYADDR", "OTHERADDRS"],
    handlers: &[Handler::read("drops")],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let address = arguments.mandatory("MYADDR")?;
    let others = arguments.positional("OTHERADDRS")?;
    Ok(Box::new(IPGWOptions {
        gateway: Gateway::read(address, others, arguments.scope())?,
        drops: 0,
    }))
}

/// A router with its addresses.
#[derive(Debug)]
pub(super) struct Gateway {
    /// The one that is recorded.
    address: Ipv4Addr,
    /// All of them.
    addresses: Vec<Ipv4Addr>,
}

/// Bytes of the options' heads: type, length, pointer; and a byte of flags for timestamps.
const ROUTE_HEAD: usize = 3;
const TIMESTAMP_HEAD: usize = 4;

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

impl Gateway {
    pub(super) fn read(
        address: Value<'_>,
        others: Option<Value<'_>>,
        scope: &Scope,
    ) -> Result<Self, ConfigError> {
        let address = scope.read_address(address)?;
        let mut addresses = alloc::vec![address];
        if let Some(others) = others {
            for word in others.text().split_ascii_whitespace() {
                let other = scope.address(word);
                addresses.push(other.ok_or_else(|| others.refuse("IP addresses"))?);
            }
        }
        Ok(Self { address, addresses })
    }

    /// Records itself in the options of a packet.
    ///
    /// # Errors
    /// The offset in the IP header of what is wrong.
    pub(super) fn record(&self, packet: &mut Packet, now_ns: u64) -> Result<(), u8> {
        let mut header = ipv4::of_mut(packet).ok_or(0_u8)?;
        if header.options().is_empty() {
            return Ok(());
        }
        let changed = self.record_all(&mut header, now_ns).map_err(|at| {
            let at = at.saturating_add(ipv4::MIN_LEN);
            u8::try_from(at).unwrap_or(u8::MAX)
        })?;
        if changed {
            header.fill_checksum();
        }
        Ok(())
    }

    /// Goes through the options, which are at most 40 bytes. Says whether it changed any.
    fn record_all(&self, header: &mut Ipv4<&mut [u8]>, now_ns: u64) -> Result<bool, usize> {
        let mut changed = false;
        let mut at = 0_usize;
        while let Some(rest) = header.options_mut().get_mut(at..) {
            let len = match rest {
                [] | [ipv4::OPTION_END, ..] => break,
                [ipv4::OPTION_NOP, ..] => 1,
                [_, len, ..] => usize::from(*len),
                [_] => 0,
            };
            let is_nop = rest.first() == Some(&ipv4::OPTION_NOP);
            let wrong = |offset: usize| at.saturating_add(offset);
            let option = rest.get_mut(..len).filter(|_| is_nop || len >= 2);
            let option = option.ok_or_else(|| wrong(1))?;
            match option.first() {
                Some(&ipv4::OPTION_RECORD_ROUTE) => {
                    changed |= self.record_route(option).map_err(wrong)?;
                }
                Some(&ipv4::OPTION_TIMESTAMP) => {
                    changed |= self.record_time(option, now_ns).map_err(wrong)?;
                }
                _ => {}
            }
            at = at.saturating_add(len);
        }
        Ok(changed)
    }

    /// Appends the address to a route. A route that is full stays as it is.
    fn record_route(&self, option: &mut [u8]) -> Result<bool, usize> {
        let pointer = option.get(2).copied().ok_or(2_usize)?;
        let at = usize::from(pointer).saturating_sub(1);
        if at >= ROUTE_HEAD && at.saturating_add(4) <= option.len() {
            set(option, at, self.address.octets());
            set(option, 2, [pointer.saturating_add(4)]);
            return Ok(true);
        }
        if at == option.len() {
            Ok(false)
        } else {
            Err(2)
        }
    }

    /// Appends the time, and the address where that is asked for; counts where there is no room.
    fn record_time(&self, option: &mut [u8], now_ns: u64) -> Result<bool, usize> {
        const NANOSECONDS: u64 = 1_000_000;
        let [pointer, flags] = get(option, 2).ok_or(2_usize)?;
        let time = u32::try_from(now_ns / NANOSECONDS % DAY_MS).unwrap_or_default();
        let at = usize::from(pointer).saturating_sub(1);
        if at < TIMESTAMP_HEAD {
            return Err(2);
        }
        let fits = |len: usize| at.saturating_add(len) <= option.len();
        let (time_at, len) = match flags & 0xf {
            0 if fits(4) => (at, 4_u8),
            1 if fits(8) => (at.saturating_add(4), 8),
            3 if fits(8) => {
                let asked = get::<4>(option, at).map(Ipv4Addr::from);
                if !asked.is_some_and(|asked| self.addresses.contains(&asked)) {
                    return Ok(false);
                }
                (at.saturating_add(4), 8)
            }
            0 | 1 if flags < 0xf0 => {
                // Another router without room.
                set(option, 3, [flags.saturating_add(0x10)]);
                return Ok(true);
            }
            _ => return Err(3),
        };
        if flags & 0xf == 1 {
            set(option, at, self.address.octets());
        }
        set(option, time_at, time.to_be_bytes());
        set(option, 2, [pointer.saturating_add(len)]);
        Ok(true)
    }
}

impl InPlace for IPGWOptions {
    fn handle(
        &mut self,
        _: usize,
        packet: &mut Packet,
        context: &mut Context<'_>,
    ) -> Option<usize> {
        let now_ns = context.host.clock_ns();
        let recorded = self.gateway.record(packet, now_ns);
        if let Err(at) = recorded {
            packet.notes.set_parameter_problem(at);
            self.drops = self.drops.saturating_add(1);
        }
        Some(usize::from(recorded.is_err()))
    }
}

impl Element for IPGWOptions {
    in_place!();

    fn read(&self, handler: &str) -> Option<String> {
        (handler == "drops").then(|| format!("{}", self.drops))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn gateway() -> Gateway {
        let address = Ipv4Addr::new(10, 0, 0, 1);
        Gateway {
            address,
            addresses: vec![address, Ipv4Addr::new(10, 0, 1, 1)],
        }
    }

    /// What becomes of options, or where they are wrong, counted from the start of the options.
    fn record(options: &[u8]) -> Result<Vec<u8>, u8> {
        let mut bytes = vec![0; 20];
        bytes.extend(options);
        bytes.resize(20 + options.len().next_multiple_of(4), 0);
        bytes[0] = 0x40 | u8::try_from(bytes.len() / 4).unwrap();
        let mut packet = Packet::new(&bytes).unwrap();
        packet.set_network_header(0, bytes.len());
        let recorded = gateway().record(&mut packet, 5_000_000);
        recorded.map_err(|at| at - 20)?;
        let header = ipv4::of(&packet).unwrap();
        Ok(header.options()[..options.len()].to_vec())
    }

    #[test]
    fn routers_record_themselves() {
        let (me, time) = ([10, 0, 0, 1], [0, 0, 0, 5]);
        for (before, after) in [
            (vec![7, 7, 4, 0, 0, 0, 0], [&[7, 7, 8][..], &me].concat()),
            (vec![1, 7, 7, 8, 9, 9, 9, 9], vec![1, 7, 7, 8, 9, 9, 9, 9]),
            (
                vec![68, 8, 5, 0, 0, 0, 0, 0],
                [&[68, 8, 9, 0][..], &time].concat(),
            ),
            (
                vec![68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0],
                [&[68, 12, 13, 1][..], &me, &time].concat(),
            ),
            (
                vec![68, 12, 5, 3, 10, 0, 1, 1, 0, 0, 0, 0],
                [&[68, 12, 13, 3, 10, 0, 1, 1][..], &time].concat(),
            ),
            (
                vec![68, 12, 5, 3, 10, 0, 2, 1, 0, 0, 0, 0],
                vec![68, 12, 5, 3, 10, 0, 2, 1, 0, 0, 0, 0],
            ),
            (vec![68, 4, 5, 0x20], vec![68, 4, 5, 0x30]),
            (vec![137, 7, 4, 1, 2, 3, 4], vec![137, 7, 4, 1, 2, 3, 4]),
            (vec![0, 7, 7], vec![0, 7, 7]),
        ] {
            assert_eq!(record(&before), Ok(after), "{before:?}");
        }
    }

    #[test]
    fn wrong_options_say_where() {
        for (options, at) in [
            (&[7, 1, 4][..], 1),
            (&[7, 9, 4, 0], 1),
            (&[1, 1, 1, 7], 4),
            (&[7, 3, 2], 2),
            (&[7, 2, 0, 0], 2),
            (&[68, 4, 4, 0], 2),
            (&[68, 4, 5, 0xf0], 3),
            (&[68, 4, 5, 2], 3),
            (&[7, 0], 1),
        ] {
            assert_eq!(record(options), Err(at), "{options:?}");
        }
    }
}
