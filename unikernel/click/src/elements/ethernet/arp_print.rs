//! ARPPrint.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::arp::{self, Arp};
use crate::headers::ethernet::Ethernet;
use crate::headers::transport::u16_at;
use crate::host::HostError;
use crate::language::{Arguments, Value, parse_boolean};
use crate::names::EtherAddress;
use crate::packet::Packet;
use crate::render::seconds;

manual! {
    /// Prints ARP packets, as tcpdump does.
    ///
    /// The ARP message is where the network header was noted to be; packets of which nothing was
    /// noted are not printed. Packets pass unchanged.
    ///
    /// # Configuration
    /// `ARPPrint([LABEL, keywords TIMESTAMP, ETHER, ACTIVE])`
    /// - LABEL: text in front of each line. None by default.
    /// - TIMESTAMP: whether the packet's time is printed, in seconds. True by default.
    /// - ETHER: whether the addresses of the Ethernet header are printed. False by default.
    /// - ACTIVE: whether anything is printed. True by default.
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// - `active` (read, write): ACTIVE.
    ///
    /// # Example
    /// ```click
    /// q :: ARPQuerier(10.0.0.1/24, 2:0:0:0:0:1); FromDump(in.pcap) -> [1] q;
    /// InfiniteSource(LIMIT 1, STOP true) -> SetIPAddress(10.0.0.2) -> q -> ARPPrint(ok) -> Discard;
    /// // ok: 0.000000: arp who-has 10.0.0.2 tell 10.0.0.1
    /// ```
    pub(crate) struct ArpPrint {
        label: String,
        timestamp: bool,
        ether: bool,
        active: bool,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "ARPPrint",
    manual: ArpPrint::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &["LABEL", "TIMESTAMP", "ETHER", "ACTIVE"],
    handlers: &[Handler::read_write("active")],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let label = arguments.positional("LABEL")?;
    Ok(Box::new(ArpPrint {
        label: label.map_or_else(|| Ok(String::new()), Value::string)?,
        timestamp: arguments.boolean("TIMESTAMP", true)?,
        ether: arguments.boolean("ETHER", false)?,
        active: arguments.boolean("ACTIVE", true)?,
    }))
}

impl ArpPrint {
    fn line(&self, packet: &Packet) -> Option<String> {
        let message = packet.bytes().get(packet.network_header()?..)?;
        let mut line = String::new();
        if !self.label.is_empty() {
            line.push_str(&format!("{}: ", self.label));
        }
        if self.timestamp {
            let time = seconds(packet.annotations.rx_time_ns);
            line.push_str(&format!("{time}: "));
        }
        let ether = packet.mac_header().and_then(Ethernet::read);
        if let Some(ether) = ether.filter(|_| self.ether) {
            line.push_str(&format!("{} > {}: ", ether.source, ether.destination));
        }
        line.push_str(&describe(message));
        Some(line)
    }
}

/// What an ARP message says.
fn describe(message: &[u8]) -> String {
    if message.len() < arp::LEN {
        return format!("truncated-arp ({})", message.len());
    }
    let Some(arp) = Arp::read(message) else {
        let number = |at| u16_at(message, at).unwrap_or_default();
        let length = |at| message.get(at).copied().unwrap_or_default();
        return format!(
            "arp-#{} for proto #{} ({}) hardware #{} ({})",
            number(6),
            number(2),
            length(5),
            number(0),
            length(4)
        );
    };
    let Arp {
        operation,
        sender,
        sender_ip,
        target,
        target_ip,
    } = arp;
    match operation {
        arp::REQUEST if target == EtherAddress::default() => {
            format!("arp who-has {target_ip} tell {sender_ip}")
        }
        arp::REQUEST => format!("arp who-has {target_ip} ({target}) tell {sender_ip}"),
        arp::REPLY => format!("arp reply {sender_ip} is-at {sender}"),
        3 => format!("rarp who-is {target} tell {sender}"),
        4 => format!("rarp reply {target} at {target_ip}"),
        8 => format!("invarp who-is {target} tell {sender}"),
        9 => format!("invarp reply {target} at {target_ip}"),
        _ => format!("arp-#{operation}"),
    }
}

impl Element for ArpPrint {
    fn push(
        &mut self,
        _: usize,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        if let Some(line) = self.line(&packet).filter(|_| self.active) {
            context.host.message(&line);
        }
        context.push(0, packet);
        Ok(())
    }

    fn read(&self, handler: &str) -> Option<String> {
        (handler == "active").then(|| format!("{}", self.active))
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        if handler != "active" {
            return None;
        }
        self.active = parse_boolean(value)?;
        Some(())
    }
}
