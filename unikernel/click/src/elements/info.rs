//! AddressInfo, PortInfo and ScheduleInfo: elements that say something about others.

use alloc::boxed::Box;

use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::Side;
use crate::host::HostError;
use crate::language::{Arguments, Value};
use crate::names::Scope;
use crate::packet::Packet;

manual! {
    /// Gives names to addresses.
    ///
    /// The names hold in the compound element that this stands in, and in those within it. A name may
    /// have an IP address, a network and an Ethernet address: `NAME:ip`, `NAME:net` and `NAME:eth`;
    /// which is meant follows from where it is used if nothing is said. `NAME:bcast` is the address of
    /// all hosts of its network, `NAME:gw` the first one.
    ///
    /// # Configuration
    /// `AddressInfo(ENTRY, ...)`
    /// - ENTRY: a name and one or more addresses; `1.2.3.4/24` gives it an address and a network.
    ///
    /// # Ports
    /// None.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// AddressInfo(me 10.0.0.1/24 2:0:0:0:0:1);
    /// InfiniteSource(LIMIT 5, STOP true) -> SetIPAddress(me) -> Discard;
    /// ```
    pub(crate) struct AddressInfo {
    }
}

manual! {
    /// Gives names to ports.
    ///
    /// The names hold in the compound element that this stands in, and in those within it.
    ///
    /// # Configuration
    /// `PortInfo(ENTRY, ...)`
    /// - ENTRY: a name, a port with `/tcp` or `/udp` behind it if it is of one of them alone, and
    ///   other names of the port. A `#` begins a comment.
    ///
    /// # Ports
    /// None.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// PortInfo(game 4242/udp);
    /// InfiniteSource(LIMIT 5, STOP true) -> UDPIPEncap(10.0.0.1, 1, 10.0.0.2, game) -> Discard;
    /// ```
    pub(crate) struct PortInfo {
    }
}

manual! {
    /// Says how often elements are to have their turn; they have it equally often here.
    ///
    /// # Configuration
    /// `ScheduleInfo(ENTRY, ...)`
    /// - ENTRY: an element and a number, which are read for Click's sake.
    ///
    /// # Ports
    /// None.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// ScheduleInfo(s 0.5);
    /// s :: InfiniteSource(LIMIT 5, STOP true) -> Discard;
    /// ```
    pub(crate) struct ScheduleInfo {
    }
}

/// The class for addresses.
pub(crate) const ADDRESS: ElementClass = ElementClass {
    name: "AddressInfo",
    manual: AddressInfo::MANUAL,
    inputs: Side::NONE,
    outputs: Side::NONE,
    keywords: &["ENTRY"],
    handlers: &[],
    configure: |arguments, _| {
        check(arguments, Scope::define_address, "a name and its addresses")?;
        Ok(Box::new(AddressInfo {}))
    },
};

/// The class for ports.
pub(crate) const PORT: ElementClass = ElementClass {
    name: "PortInfo",
    manual: PortInfo::MANUAL,
    configure: |arguments, _| {
        check(arguments, Scope::define_port, "a name and its port")?;
        Ok(Box::new(PortInfo {}))
    },
    ..ADDRESS
};

/// The class for turns.
pub(crate) const SCHEDULE: ElementClass = ElementClass {
    name: "ScheduleInfo",
    manual: ScheduleInfo::MANUAL,
    configure: |arguments, _| {
        let pair = |_: &mut Scope, entry: &str| {
            let words = entry.split_ascii_whitespace().count();
            (words == 2).then_some(())
        };
        check(arguments, pair, "an element and a number")?;
        Ok(Box::new(ScheduleInfo {}))
    },
    ..ADDRESS
};

/// Checks that all entries can be read. Their names are known already.
fn check(
    arguments: &mut Arguments<'_>,
    define: fn(&mut Scope, &str) -> Option<()>,
    expected: &'static str,
) -> Result<(), ConfigError> {
    let mut scope = arguments.scope().clone();
    let mut entries = arguments.every().into_iter();
    let wrong = entries.find(|entry: &Value<'_>| define(&mut scope, entry.text()).is_none());
    wrong.map_or(Ok(()), |entry| Err(entry.refuse(expected)))
}

/// Elements without ports, which nothing reaches.
macro_rules! no_ports {
    ($($name:ident),+) => {$(
        impl Element for $name {
            fn push(&mut self, _: usize, _: Packet, _: &mut Context<'_>) -> Result<(), HostError> {
                Ok(())
            }
        }
    )+};
}

no_ports!(AddressInfo, PortInfo, ScheduleInfo);
