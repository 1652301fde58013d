//! What flows are rewritten to.

use alloc::format;
use alloc::string::String;
use core::net::Ipv4Addr;

use super::flow::FlowId;
use crate::language::parse_unsigned;
use crate::names::Scope;

/// New ends for flows: `SADDR SPORT DADDR DPORT`, where `-` leaves what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    source: Option<Ipv4Addr>,
    source_port: Option<u16>,
    destination: Option<Ipv4Addr>,
    destination_port: Option<u16>,
    /// Whether it has ports at all.
    has_ports: bool,
    /// How far the source's port, or its address without ports, may go up.
    variation: u32,
    order: Order,
    next: u32,
}

/// In what order values of a range are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// The flow's own port first, then from a random one on.
    OwnFirst,
    /// From a random one on.
    Random,
    /// One after the other.
    Sequential,
}

impl Pattern {
    /// Reads two, three or four words.
    pub(super) fn parse(words: &[&str], scope: &Scope) -> Option<Self> {
        let (source, source_port, destination, destination_port) = match words {
            [source, destination] => (*source, None, *destination, None),
            [source, destination, port] => (*source, Some(*port), *destination, None),
            [source, port, destination, other] => {
                (*source, Some(*port), *destination, Some(*other))
            }
            _ => return None,
        };
        let mut pattern = Self {
            source: None,
            source_port: None,
            destination: optional(destination, |text| scope.address(text))?,
            destination_port: match destination_port {
                Some(port) => optional(port, port_number)?,
                None => None,
            },
            has_ports: source_port.is_some(),
            variation: 0,
            order: Order::OwnFirst,
            next: 0,
        };
        pattern.source = optional(source, |text| match scope.address(text) {
            Some(address) => Some(address),
            None => pattern.address_range(text, scope),
        })?;
        if let Some(port) = source_port {
            pattern.source_port = optional(port, |text| match port_number(text) {
                Some(port) => Some(port),
                None => pattern.port_range(text),
            })?;
        }
        Some(pattern)
    }

    /// Cuts off the mark for the order of a range.
    fn cut_order<'a>(&mut self, text: &'a str) -> &'a str {
        if let Some(text) = text.strip_suffix('#') {
            self.order = Order::Sequential;
            text
        } else if let Some(text) = text.strip_suffix('?') {
            self.order = Order::Random;
            text
        } else {
            text
        }
    }

    /// `FIRST-LAST`, or a network, of which the first and last address are left out.
    fn address_range(&mut self, text: &str, scope: &Scope) -> Option<Ipv4Addr> {
        let text = self.cut_order(text);
        if let Some((first, last)) = text.split_once('-') {
            let (first, last) = (scope.address(first)?, scope.address(last)?);
            self.variation = last.to_bits().checked_sub(first.to_bits())?;
            return Some(first);
        }
        let network = scope.prefix(text)?.network();
        let hosts = !network.mask;
        let (first, variation) = match hosts {
            0 | 1 => (network.address, hosts),
            _ => (network.address | 1, hosts.saturating_sub(2)),
        };
        self.variation = variation;
        (network.address != 0 && network.mask != 0).then(|| Ipv4Addr::from_bits(first))
    }

    /// `FIRST-LAST`
    fn port_range(&mut self, text: &str) -> Option<u16> {
        let text = self.cut_order(text);
        let (first, last) = text.split_once('-')?;
        let number = |text: &str| u16::try_from(parse_unsigned(text)?).ok();
        let (first, last) = (number(first)?, number(last)?);
        self.variation = u32::from(last.checked_sub(first)?);
        Some(first)
    }

    /// What a flow becomes. Of a range, a value is taken whose answers, seen from the other end, no
    /// other flow gets; `None` if there is none.
    pub(super) fn rewrite(
        &mut self,
        flow: FlowId,
        random: u32,
        is_taken: impl Fn(FlowId) -> bool,
    ) -> Option<FlowId> {
        let mut new = FlowId {
            source: self.source.unwrap_or(flow.source),
            source_port: self.source_port.unwrap_or(flow.source_port),
            destination: self.destination.unwrap_or(flow.destination),
            destination_port: self.destination_port.unwrap_or(flow.destination_port),
        };
        if self.variation == 0 {
            return Some(new);
        }
        let base = match self.source_port {
            Some(port) if self.has_ports => u32::from(port),
            _ => self.source?.to_bits(),
        };
        let own = u32::from(flow.source_port).checked_sub(base);
        let own = own.filter(|own| self.has_ports && *own <= self.variation);
        let count = self.variation.saturating_add(1);
        let first = match self.order {
            Order::Sequential if self.next > self.variation => 0,
            Order::Sequential => self.next,
            Order::OwnFirst | Order::Random => random.checked_rem(count).unwrap_or_default(),
        };
        let own = own.filter(|_| self.order == Order::OwnFirst);
        let tries = own.into_iter().chain(first..count).chain(0..first);
        // A range may be long, but that it is full for one destination is bounded by the capacity.
        for value in tries.take(MAX_TRIES) {
            let varied = base.saturating_add(value);
            if self.has_ports {
                new.source_port = u16::try_from(varied).ok()?;
            } else {
                new.source = Ipv4Addr::from_bits(varied);
            }
            if !is_taken(new.reverse()) {
                self.next = value.saturating_add(1);
                return Some(new);
            }
        }
        None
    }

    /// As Click prints it.
    pub(super) fn unparse(&self) -> String {
        let address = |address: Option<Ipv4Addr>| match address {
            Some(address) => format!("{address}"),
            None => "-".into(),
        };
        let source = match self.source {
            Some(first) if !self.has_ports && self.variation > 0 => {
                let last = first.to_bits().saturating_add(self.variation);
                format!("{first}-{}", Ipv4Addr::from_bits(last))
            }
            source => address(source),
        };
        if !self.has_ports {
            return format!("{source} {}", address(self.destination));
        }
        let port = match self.source_port {
            None => "-".into(),
            Some(first) if self.variation > 0 => {
                format!(
                    "{first}-{}",
                    u32::from(first).saturating_add(self.variation)
                )
            }
            Some(first) => format!("{first}"),
        };
        let other = self
            .destination_port
            .map_or_else(|| "-".into(), |port| format!("{port}"));
        format!("{source} {port} {} {other}", address(self.destination))
    }
}

/// Values of a range that are tried for one flow: all ports.
const MAX_TRIES: usize = 1 << 16;

/// `-`, or what `parse` reads.
fn optional<T>(text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    match text {
        "-" => Some(None),
        text => parse(text).map(Some),
    }
}

/// A port from 1 to 65535.
fn port_number(text: &str) -> Option<u16> {
    let port = u16::try_from(parse_unsigned(text)?).ok();
    port.filter(|port| *port > 0)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn pattern(text: &str) -> Option<Pattern> {
        let words: Vec<&str> = text.split(' ').collect();
        Pattern::parse(&words, &Scope::default())
    }

    const FLOW: FlowId = FlowId {
        source: Ipv4Addr::new(10, 0, 0, 1),
        source_port: 1030,
        destination: Ipv4Addr::new(20, 0, 0, 2),
        destination_port: 80,
    };

    #[test]
    fn patterns_are_read_and_printed() {
        for (text, printed) in [
            ("1.0.0.1 1024-65535# - -", Some("1.0.0.1 1024-65535 - -")),
            ("- - 2.0.0.2 80", Some("- - 2.0.0.2 80")),
            ("2.0.0.2 - 0-65535", Some("2.0.0.2 0-65535 - -")),
            ("1.0.0.1-1.0.0.9 -", Some("1.0.0.1-1.0.0.9 -")),
            ("1.0.0.0/24 -", Some("1.0.0.1-1.0.0.254 -")),
            ("1.0.0.0/31 -", Some("1.0.0.0-1.0.0.1 -")),
            ("1.0.0.1 5 - -", Some("1.0.0.1 5 - -")),
            ("1.0.0.1", None),
            ("1.0.0.1 0 - -", None),
            ("1.0.0.1 9-5 - -", None),
            ("1.0.0.1 1-65536 - -", None),
            ("1.0.0.9-1.0.0.1 -", None),
            ("0/0 -", None),
            ("x - - -", None),
        ] {
            let found = pattern(text).map(|pattern| pattern.unparse());
            assert_eq!(found.as_deref(), printed, "{text}");
        }
    }

    #[test]
    fn values_are_taken_that_are_free() {
        let none = |_| false;
        let port = |pattern: &mut Pattern, random| {
            pattern
                .rewrite(FLOW, random, none)
                .map(|new| new.source_port)
        };
        let mut sequential = pattern("1.0.0.1 1024-1026# - -").unwrap();
        let ports: Vec<_> = (0..4).map(|_| port(&mut sequential, 9).unwrap()).collect();
        assert_eq!(ports, [1024, 1025, 1026, 1024]);
        let mut own = pattern("1.0.0.1 1024-1034 - -").unwrap();
        assert_eq!(port(&mut own, 3), Some(1030));
        let mut random = pattern("1.0.0.1 1024-1034? - -").unwrap();
        assert_eq!(port(&mut random, 14), Some(1027));
        let taken = |flow: FlowId| flow.destination_port < 1033;
        assert_eq!(own.rewrite(FLOW, 0, taken).unwrap().source_port, 1033);
        assert_eq!(own.rewrite(FLOW, 0, |_| true), None);
        let mut address = pattern("1.0.0.0/30# 9.9.9.9").unwrap();
        let new = address.rewrite(FLOW, 0, |flow| {
            flow.destination == Ipv4Addr::new(1, 0, 0, 1)
        });
        let expected = FlowId {
            source: Ipv4Addr::new(1, 0, 0, 2),
            destination: Ipv4Addr::new(9, 9, 9, 9),
            ..FLOW
        };
        assert_eq!(new, Some(expected));
    }
}
