//! Control.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::codes;
use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::handlers::HandlerName;
use crate::host::HostError;
use crate::language::{Arguments, quote};
use crate::packet::Packet;
use crate::throttle::Throttle;

manual! {
    /// Replaces programs when a control packet of MorphOS says so.
    ///
    /// This is there for those who come from MorphOS, and does nothing unless it is asked to: whoever
    /// can send a packet here chooses which of the programs that the process may read runs, and when.
    /// They are admitted as always, so that none runs that is not signed, or older than what ran. Use
    /// the authenticated control channel instead.
    ///
    /// A packet is IPv4 with UDP, from its network header on, and has this payload: the seven letters `control`, the ID of an element,
    /// the length of a file's name, the name of the object, another length, the name of the bundle. Each
    /// number has 64 bits, the lowest first. All elements with this ID get the program, in the
    /// background. Nothing is answered.
    ///
    /// # Configuration
    /// `Control([keyword ALLOW_UNAUTHENTICATED])`
    /// - ALLOW_UNAUTHENTICATED: whether packets are obeyed; false by default. With true, a warning is
    ///   printed at the start.
    ///
    /// # Ports
    /// One push input, no output.
    ///
    /// # Handlers
    /// - `count` (read): packets that came in.
    /// - `obeyed` (read): packets that were obeyed: for which a program is being prepared.
    /// - `refused` (read): packets that were not.
    /// - `last_refusal` (read): why the last of them was not, in words.
    ///
    /// # Example
    /// ```click
    /// FromDump(in.pcap) -> Strip(14) -> Control(ALLOW_UNAUTHENTICATED true);
    /// ```
    pub(crate) struct Control {
        allowed: bool,
        count: u64,
        obeyed: u64,
        refused: u64,
        last_refusal: String,
        /// Keeps those who send packets from filling logs.
        log: Throttle,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "Control",
    manual: Control::MANUAL,
    inputs: Side::exactly(1, Processing::Push),
    outputs: Side::NONE,
    keywords: &["ALLOW_UNAUTHENTICATED"],
    handlers: &[
        Handler::read("count"),
        Handler::read("obeyed"),
        Handler::read("refused"),
        Handler::read("last_refusal"),
    ],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    Ok(Box::new(Control {
        allowed: arguments.boolean("ALLOW_UNAUTHENTICATED", false)?,
        count: 0,
        obeyed: 0,
        refused: 0,
        last_refusal: String::new(),
        log: Throttle::default(),
    }))
}

/// What a control packet says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Message {
    id: u64,
    file: String,
    signature: String,
}

/// What a control packet begins with.
const MAGIC: &[u8] = b"control";

/// Bytes of a file's name: `PATH_MAX` of Linux.
const MAX_NAME: u64 = 4096;

const PROTOCOL_UDP: u8 = 17;

impl Message {
    /// Reads a packet from its IPv4 header on; the error says in words what is wrong.
    fn parse(packet: &[u8]) -> Result<Self, &'static str> {
        let mut rest = payload(packet)?;
        rest = rest
            .strip_prefix(MAGIC)
            .ok_or("it does not begin with `control`")?;
        let id = number(&mut rest)?;
        let file = name(&mut rest)?;
        let signature = name(&mut rest)?;
        match rest {
            [] => Ok(Self {
                id,
                file,
                signature,
            }),
            _ => Err("there are bytes behind the last name"),
        }
    }

    /// The arguments for the elements. Whatever is in a name, it stays a name.
    fn arguments(&self) -> String {
        let (file, signature) = (quote(&self.file), quote(&self.signature));
        format!("FILE \"{file}\", SIGNATURE \"{signature}\"")
    }
}

/// What is behind the headers of IPv4 (RFC 791) and UDP (RFC 768).
fn payload(packet: &[u8]) -> Result<&[u8], &'static str> {
    let first = packet.first().copied().unwrap_or(0);
    let words = usize::from(first & 0xf);
    let is_udp = packet.get(9) == Some(&PROTOCOL_UDP);
    if first >> 4 != 4 || words < 5 || !is_udp {
        return Err("it is not IPv4 with UDP");
    }
    let udp = packet.get(words.saturating_mul(4)..).unwrap_or_default();
    let Some(&[_, _, _, _, high, low, _, _]) = udp.first_chunk() else {
        return Err("it ends within its headers");
    };
    let len = usize::from(u16::from_be_bytes([high, low]));
    udp.get(8..len)
        .ok_or("its UDP length is not that of a packet")
}

/// The next 64 bits, the lowest first.
fn number(rest: &mut &[u8]) -> Result<u64, &'static str> {
    let (number, behind) = rest.split_first_chunk().ok_or("it ends within a number")?;
    *rest = behind;
    Ok(u64::from_le_bytes(*number))
}

/// The next name, behind its length.
fn name(rest: &mut &[u8]) -> Result<String, &'static str> {
    let len = number(rest)?;
    if len == 0 || len > MAX_NAME {
        return Err("a name is empty or too long");
    }
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    let (name, behind) = rest.split_at_checked(len).ok_or("it ends within a name")?;
    *rest = behind;
    let name = core::str::from_utf8(name).map_err(|_| "a name is not UTF-8")?;
    if name.chars().any(char::is_control) || name.split('/').any(|part| part == "..") {
        return Err("a name has control characters, or leads out of its folder");
    }
    Ok(name.into())
}

impl Control {
    fn obey(&self, packet: &Packet, context: &mut Context<'_>) -> Result<(), String> {
        if !self.allowed {
            return Err("ALLOW_UNAUTHENTICATED is not true".into());
        }
        // Where nobody has said where the header is, it is at the beginning.
        let header = packet.network_header().unwrap_or(0);
        let bytes = packet.bytes().get(header..).unwrap_or_default();
        let message = Message::parse(bytes)?;
        let elements = named(message.id, context);
        if elements.is_empty() {
            return Err(format!(
                "no element that runs programs has the ID {}",
                message.id
            ));
        }
        for element in elements {
            let handler = HandlerName {
                element: Some(element),
                handler: "reconfigure".into(),
            };
            let written = context.write_named(&handler, &message.arguments());
            written.map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

/// The elements that run programs and have an ID.
fn named(id: u64, context: &mut Context<'_>) -> Vec<usize> {
    let elements = 0..context.config().elements().len();
    let has_id = |index: &usize| {
        let found = context.call(*index, |element, _| element.runner()?.id());
        found.flatten() == Some(id)
    };
    elements.filter(has_id).collect()
}

impl Element for Control {
    fn push(
        &mut self,
        _: usize,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        self.count = self.count.saturating_add(1);
        let Err(why) = self.obey(&packet, context) else {
            self.obeyed = self.obeyed.saturating_add(1);
            return Ok(());
        };
        self.refused = self.refused.saturating_add(1);
        if self.log.line(context.host.clock_ns()).is_some() {
            let label = context.label();
            let line = format!("note: `{label}` does not obey a control packet: {why}");
            context.host.message(&line);
        }
        self.last_refusal = why;
        Ok(())
    }

    fn start(&mut self, context: &mut Context<'_>) -> Result<(), String> {
        if self.allowed {
            let label = context.label();
            context.host.message(&format!(
                "warning[{}]: `{label}` obeys whoever can send it a packet: programs are replaced \
                 without a word of the operator",
                codes::UNAUTHENTICATED,
            ));
        }
        Ok(())
    }

    fn read(&self, handler: &str) -> Option<String> {
        match handler {
            "count" => Some(self.count.to_string()),
            "obeyed" => Some(self.obeyed.to_string()),
            "refused" => Some(self.refused.to_string()),
            "last_refusal" => Some(self.last_refusal.clone()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::testing::{MemoryHost, run};

    fn message(id: u64, names: &[&[u8]]) -> Vec<u8> {
        let mut payload = MAGIC.to_vec();
        payload.extend(id.to_le_bytes());
        for name in names {
            payload.extend(u64::try_from(name.len()).unwrap().to_le_bytes());
            payload.extend(*name);
        }
        payload
    }

    fn packet(payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; 28];
        (packet[0], packet[9]) = (0x45, PROTOCOL_UDP);
        let len = u16::try_from(8 + payload.len()).unwrap();
        packet[24..26].copy_from_slice(&len.to_be_bytes());
        packet.extend(payload);
        packet
    }

    #[test]
    fn a_packet_as_the_tools_of_morphos_send_it() {
        let found = Message::parse(&packet(&message(1, &[b"drop", b"drop.sig"]))).unwrap();
        assert_eq!(found.id, 1);
        assert_eq!(found.arguments(), "FILE \"drop\", SIGNATURE \"drop.sig\"");
    }

    #[test]
    fn names_stay_names() {
        let names: [&[u8]; 2] = [b"x\", JIT false, FILE \"y", b"$z\\"];
        let found = Message::parse(&packet(&message(1, &names))).unwrap();
        let split = crate::language::split_arguments(&found.arguments()).unwrap();
        assert_eq!(split.len(), 2);
    }

    #[test]
    fn every_packet_that_is_cut_or_lies_is_refused() {
        let whole = packet(&message(1, &[b"drop", b"drop.sig"]));
        for len in 0..whole.len() {
            assert!(Message::parse(&whole[..len]).is_err(), "{len}");
        }
        let mut longer = message(1, &[b"a", b"b"]);
        longer.push(0);
        let huge = [MAGIC, &[0; 8], &[0xff; 8], b"a"].concat();
        for payload in [
            longer,
            huge,
            message(1, &[b"a"]),
            message(1, &[b"", b"b"]),
            message(1, &[b"a\0", b"b"]),
            message(1, &[b"a\n", b"b"]),
            message(1, &[b"\xff", b"b"]),
            message(1, &[b"../a", b"b"]),
            message(1, &[&[b'a'; 4097], b"b"]),
            b"CONTROL".to_vec(),
            Vec::new(),
        ] {
            assert!(Message::parse(&packet(&payload)).is_err(), "{payload:?}");
        }
        for (at, byte) in [(0, 0x65), (0, 0x44), (0, 0x4f), (9, 6), (24, 0xff), (25, 7)] {
            let mut changed = whole.clone();
            changed[at] = byte;
            assert!(Message::parse(&changed).is_err(), "{at} {byte}");
        }
    }

    #[test]
    fn nobody_is_obeyed_by_default_and_only_known_ids_otherwise() {
        let bytes = packet(&message(1, &[b"drop", b"drop.sig"]));
        for (arguments, id, why) in [
            ("", 1, "ALLOW_UNAUTHENTICATED is not true"),
            (
                "ALLOW_UNAUTHENTICATED true",
                2,
                "no element that runs programs has the ID 1",
            ),
            // The host of this test has no programs.
            (
                "ALLOW_UNAUTHENTICATED true",
                1,
                "`f.reconfigure`: the process has no trust bundle or no state directory",
            ),
        ] {
            let mut host = MemoryHost::new(&[&bytes, &bytes]);
            let text = format!(
                "FromDump(in.pcap) -> c :: Control({arguments});
                 Idle -> f :: BPFFilter(ID {id}, FILE x) -> Discard"
            );
            let router = run(&text, &mut host);
            assert_eq!(router.read_handler("c.refused").unwrap(), "2");
            assert_eq!(router.read_handler("c.last_refusal").unwrap(), why);
            let warned = host
                .messages
                .iter()
                .any(|line| line.starts_with("warning["));
            assert_eq!(warned, !arguments.is_empty());
        }
    }
}
