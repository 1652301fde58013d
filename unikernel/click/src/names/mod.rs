//! Names for addresses and ports: those that AddressInfo and PortInfo give them, with the scope of
//! the compound element that they stand in, and those that everybody knows.

mod address;
pub(crate) mod tables;

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

pub(crate) use address::{EtherAddress, Prefix, mask_of};

use crate::error::ConfigError;
use crate::language::{Config, Declaration, Value, parse_unsigned};

/// What a name can stand for, all at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Meaning {
    address: Option<Ipv4Addr>,
    /// With the bits of a host.
    prefix: Option<Prefix>,
    ether: Option<EtherAddress>,
    tcp: Option<u16>,
    udp: Option<u16>,
}

/// The names of a configuration.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// By scope, which is the name of a compound element with a slash at its end or nothing, and name.
    meanings: BTreeMap<(String, String), Meaning>,
}

/// The names that an element knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    names: Rc<Names>,
    /// The compound element that it stands in, with a slash at its end.
    compound: String,
}

/// A protocol with ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PortProtocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Names {
    /// The names of all AddressInfo and PortInfo elements, in the order of their declarations.
    /// Entries that are wrong are left out here, and refused where their element is made.
    pub(crate) fn of(config: &Config) -> Rc<Self> {
        let mut scope = Scope::default();
        for declaration in config.elements() {
            let define: fn(&mut Scope, &str) -> Option<()> = match declaration.class.name {
                "AddressInfo" => Scope::define_address,
                "PortInfo" => Scope::define_port,
                _ => continue,
            };
            scope.compound = compound_of(declaration).into();
            for argument in &declaration.arguments {
                // Refused by the element.
                let _known = define(&mut scope, &argument.text);
            }
        }
        scope.names
    }
}

/// The name of the compound element that an element stands in, with a slash at its end.
fn compound_of(declaration: &Declaration) -> &str {
    let name = declaration.name.as_str();
    let end = name.rfind('/').map_or(0, |slash| slash.saturating_add(1));
    name.get(..end).unwrap_or_default()
}

impl Scope {
    /// The names that are known where an element stands.
    pub(crate) fn new(config: &Config, element: usize, names: &Rc<Names>) -> Self {
        let declaration = config.elements().get(element);
        Self {
            names: Rc::clone(names),
            compound: declaration.map_or("", compound_of).into(),
        }
    }

    /// Looks a name up here and further out; the nearest meaning of the kind wins.
    fn find<T>(&self, name: &str, kind: impl Fn(&Meaning) -> Option<T>) -> Option<T> {
        let mut compound = self.compound.as_str();
        loop {
            let meaning = self.names.meanings.get(&(compound.into(), name.into()));
            if let Some(found) = meaning.and_then(&kind) {
                return Some(found);
            }
            let outer = compound.strip_suffix('/')?;
            let end = outer.rfind('/').map_or(0, |slash| slash.saturating_add(1));
            compound = outer.get(..end)?;
        }
    }

    /// An IPv4 address: dotted decimal, or a name; `NAME:bcast` is all hosts of the name's network,
    /// `NAME:gw` the first one.
    pub(crate) fn address(&self, text: &str) -> Option<Ipv4Addr> {
        if let Some(address) = address::parse_ipv4(text) {
            return Some(address);
        }
        match suffix(text) {
            (name, None | Some("ip" | "ip4")) => self.find(name, |meaning| meaning.address),
            (name, Some("bcast")) => {
                let prefix = self.find(name, |meaning| meaning.prefix);
                prefix.map(Prefix::broadcast)
            }
            (name, Some("gw")) => {
                let network = self.find(name, |meaning| meaning.prefix)?.network();
                Some(Ipv4Addr::from_bits(network.address | 1))
            }
            _ => None,
        }
    }

    /// A network: `ADDRESS/LENGTH`, `ADDRESS/MASK`, or a name; bits of a host are kept.
    pub(crate) fn prefix(&self, text: &str) -> Option<Prefix> {
        Prefix::parse(text).or_else(|| match suffix(text) {
            (name, None | Some("net" | "ipnet" | "ip4net")) => {
                self.find(name, |meaning| meaning.prefix)
            }
            _ => None,
        })
    }

    /// A network, or one address.
    pub(crate) fn prefix_or_address(&self, text: &str) -> Option<Prefix> {
        let address = self.address(text).map(Prefix::host);
        address.or_else(|| self.prefix(text))
    }

    /// An Ethernet address, or a name.
    pub(crate) fn ether(&self, text: &str) -> Option<EtherAddress> {
        EtherAddress::parse(text).or_else(|| match suffix(text) {
            (name, None | Some("eth" | "ether" | "ethernet")) => {
                self.find(name, |meaning| meaning.ether)
            }
            _ => None,
        })
    }

    /// A port: a number, or a name.
    pub(crate) fn port(&self, text: &str, protocol: PortProtocol) -> Option<u16> {
        match parse_unsigned(text) {
            Some(number) => u16::try_from(number).ok(),
            None => self.named_port(text, protocol),
        }
    }

    /// The port with this name.
    pub(crate) fn named_port(&self, name: &str, protocol: PortProtocol) -> Option<u16> {
        let defined = self.find(name, |meaning| match protocol {
            PortProtocol::Tcp => meaning.tcp,
            PortProtocol::Udp => meaning.udp,
        });
        defined.or_else(|| tables::port(name))
    }

    /// The IPv4 address that an argument gives.
    pub(crate) fn read_address(&self, value: Value<'_>) -> Result<Ipv4Addr, ConfigError> {
        self.address(value.text())
            .ok_or_else(|| value.refuse("an IP address"))
    }

    /// The network, or one address, that an argument gives.
    pub(crate) fn read_prefix(&self, value: Value<'_>) -> Result<Prefix, ConfigError> {
        self.prefix_or_address(value.text())
            .ok_or_else(|| value.refuse("an IP address with or without `/MASK`"))
    }

    /// The Ethernet address that an argument gives.
    pub(crate) fn read_ether(&self, value: Value<'_>) -> Result<EtherAddress, ConfigError> {
        self.ether(value.text())
            .ok_or_else(|| value.refuse("an Ethernet address"))
    }

    /// The port that an argument gives.
    pub(crate) fn read_port(
        &self,
        value: Value<'_>,
        protocol: PortProtocol,
    ) -> Result<u16, ConfigError> {
        self.port(value.text(), protocol)
            .ok_or_else(|| value.refuse("a port, by number or name"))
    }

    /// Takes `NAME ADDRESS ...` in; the first word of each kind counts. `None` if it is wrong.
    pub(crate) fn define_address(&mut self, entry: &str) -> Option<()> {
        let mut words = entry.split_ascii_whitespace();
        let Some(name) = words.next() else {
            return Some(());
        };
        let mut meaning = Meaning::default();
        let words: Vec<&str> = words.collect();
        for word in &words {
            let (address, prefix) = (self.address(word), self.prefix(word));
            let ether = self.ether(word);
            if address.is_none() && prefix.is_none() && ether.is_none() {
                return None;
            }
            let host = prefix.filter(|prefix| *prefix != prefix.network());
            let address = address.or_else(|| host.map(Prefix::host_address));
            meaning.address = meaning.address.or(address);
            meaning.prefix = meaning.prefix.or(prefix);
            meaning.ether = meaning.ether.or(ether);
        }
        self.define(name, |known| {
            known.address = meaning.address.or(known.address);
            known.prefix = meaning.prefix.or(known.prefix);
            known.ether = meaning.ether.or(known.ether);
        });
        (!words.is_empty()).then_some(())
    }

    /// Takes `NAME PORT[/PROTOCOL] [ANOTHER-NAME ...]` in; a `#` begins a comment. `None` if it is
    /// wrong.
    pub(crate) fn define_port(&mut self, entry: &str) -> Option<()> {
        let entry = entry.split('#').next().unwrap_or_default();
        let mut words = entry.split_ascii_whitespace();
        let Some(name) = words.next() else {
            return Some(());
        };
        let port = words.next()?;
        let (port, protocol) = match port.split_once('/') {
            Some((port, protocol)) => (port, Some(protocol)),
            None => (port, None),
        };
        let port = u16::try_from(parse_unsigned(port)?).ok()?;
        for name in core::iter::once(name).chain(words) {
            self.define(name, |known| {
                if matches!(protocol, None | Some("tcp" | "tcpudp")) {
                    known.tcp = Some(port);
                }
                if matches!(protocol, None | Some("udp" | "tcpudp")) {
                    known.udp = Some(port);
                }
            });
        }
        Some(())
    }

    /// Gives a name of this compound element a meaning. Only while names are collected is there
    /// nobody else who has them; afterwards this changes nothing.
    fn define(&mut self, name: &str, change: impl FnOnce(&mut Meaning)) {
        if let Some(names) = Rc::get_mut(&mut self.names) {
            let key = (self.compound.clone(), name.into());
            change(names.meanings.entry(key).or_default());
        }
    }
}

/// A name and what stands behind its last colon.
fn suffix(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((name, suffix)) => (name, Some(suffix)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn scope() -> Scope {
        let mut scope = Scope::default();
        scope
            .define_address("a 1.0.0.2/24 00:01:02:03:04:05")
            .unwrap();
        scope.define_address("b 9.9.9.9").unwrap();
        scope.define_port("foo 79/udp # ssh 25/udp").unwrap();
        scope.compound = "outer/inner/".into();
        scope.define_address("b a:bcast").unwrap();
        scope.define_port("foo 80/udp ssh").unwrap();
        scope
    }

    #[test]
    fn names_mean_the_nearest_of_their_kind() {
        let scope = scope();
        let address = |text| scope.address(text).map(|address| address.to_string());
        let prefix = |text| scope.prefix(text).map(|prefix| prefix.to_string());
        assert_eq!(address("a").as_deref(), Some("1.0.0.2"));
        assert_eq!(address("a:ip").as_deref(), Some("1.0.0.2"));
        assert_eq!(address("a:gw").as_deref(), Some("1.0.0.1"));
        assert_eq!(address("b").as_deref(), Some("1.0.0.255"));
        assert_eq!(prefix("a").as_deref(), Some("1.0.0.2/24"));
        assert_eq!(prefix("a:ipnet").as_deref(), Some("1.0.0.2/24"));
        assert_eq!(
            (address("a:eth"), address("c"), prefix("b")),
            (None, None, None)
        );
        assert_eq!(scope.ether("a:eth"), scope.ether("00:01:02:03:04:05"));
        let port = |text| scope.port(text, PortProtocol::Udp);
        assert_eq!(
            (port("foo"), port("ssh"), port("80")),
            (Some(80), Some(80), Some(80))
        );
        assert_eq!(scope.port("ssh", PortProtocol::Tcp), Some(22));
        assert_eq!((port("65536"), port("bar")), (None, None));
        let outer = Scope {
            compound: "outer/".into(),
            ..scope.clone()
        };
        assert_eq!(outer.port("foo", PortProtocol::Udp), Some(79));
        assert_eq!(outer.address("b").unwrap().to_string(), "9.9.9.9");
    }

    #[test]
    fn wrong_entries_are_refused() {
        let mut scope = Scope::default();
        for wrong in ["a", "a 1.2.3", "a 1.2.3.4 x"] {
            assert_eq!(scope.define_address(wrong), None, "{wrong}");
        }
        for wrong in ["a", "a x", "a 65536", "a -1/tcp"] {
            assert_eq!(scope.define_port(wrong), None, "{wrong}");
        }
        assert_eq!(scope.define_address(""), Some(()));
        assert_eq!(scope.define_port("# x"), Some(()));
    }
}
