//! IPRewriter, TCPRewriter, UDPRewriter and ICMPPingRewriter.

use alloc::boxed::Box;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;

use super::super::annotation;
use super::flow::{self, FlowId, Seen};
use super::mappings::{End, Flow, Key, Mappings, NewFlow, Timeouts};
use super::pattern::Pattern;
use super::patterns;
use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::handlers::Refusal;
use crate::headers::ipv4;
use crate::host::HostError;
use crate::language::{Arguments, Config, Value, parse_unsigned};
use crate::names::{PortProtocol, Scope};
use crate::packet::Packet;

manual! {
    /// Rewrites addresses and ports of TCP and UDP packets, and those of the answers back.
    ///
    /// The first packet of a flow makes a mapping, as the specification of its input says; further ones
    /// and the answers, whatever input they come through, are rewritten by that. Checksums stay
    /// right. A mapping lasts for a time after its last packet; when there are too many, the one that
    /// ends first makes room, but not before its guarantee has ended. Packets of other protocols,
    /// fragments without ports, and packets without an IP header are dropped, or pass where their
    /// input says `pass`.
    ///
    /// `TCPRewriter` and `UDPRewriter` do the same for their protocols alone, `ICMPPingRewriter` for
    /// ICMP echo requests and their answers, with identifiers in place of source ports.
    ///
    /// # Configuration
    /// `IPRewriter(INPUTSPEC, ... [, keywords])`
    /// - INPUTSPEC: one for each input. `drop` drops packets without a mapping, `pass OUTPUT` sends
    ///   them on as they are, `keep OUTPUT REPLYOUTPUT` makes mappings that change nothing, and
    ///   `pattern SADDR SPORT DADDR DPORT OUTPUT REPLYOUTPUT` makes mappings that change what is not
    ///   `-`. SPORT may be a range `1024-65535`, with `#` behind it if its ports are to be taken in
    ///   order, or `?` if at random; SADDR may be a range or a network where ports are left out.
    ///   A name of IPRewriterPatterns may stand for a pattern.
    /// - CAPACITY: the most mappings; 16777216 by default. The name of another rewriter means that both
    ///   have one capacity.
    /// - MAPPING_CAPACITY: the same.
    /// - GUARANTEE: how long a mapping does not make room for others; 5 seconds by default.
    /// - TCP_GUARANTEE: the same for TCP.
    /// - TCP_NODATA_TIMEOUT: how long a TCP mapping lasts without data; 5 minutes by default.
    /// - TIMEOUT: how long others last; for TCP, with data. A day for TCP, 5 minutes for others.
    /// - TCP_TIMEOUT: the same for TCP.
    /// - TCP_DONE_TIMEOUT: how long it lasts when both ends have closed; 4 minutes by default.
    /// - UDP_TIMEOUT: how long a UDP mapping lasts; 5 minutes by default.
    /// - UDP_STREAMING_TIMEOUT: the same with packets in both directions; UDP_TIMEOUT by default.
    /// - STREAMING_TIMEOUT: the same.
    /// - UDP_GUARANTEE: GUARANTEE for UDP.
    /// - REAP_INTERVAL: how often mappings that have ended are removed; 15 minutes by default.
    /// - REAP_TIME: the same.
    /// - DST_ANNO: whether the new destination becomes the next hop. True by default.
    /// - REPLY_ANNO: an annotation, a byte, that answers get from the first packet of their flow.
    ///
    /// # Ports
    /// Any number of push inputs and push outputs.
    ///
    /// # Handlers
    /// - `table_size` (read): mappings of this rewriter.
    /// - `nmappings` (read): the same.
    /// - `mapping_failures` (read): flows for which there was no mapping to be had.
    /// - `size` (read): mappings of all that share its capacity.
    /// - `capacity` (read, write): CAPACITY, as a number.
    /// - `patterns` (read): a line for each input.
    /// - `table` (read): mappings, one line for each direction.
    /// - `mappings` (read): the same.
    /// - `tcp_table` (read): those of TCP.
    /// - `tcp_mappings` (read): the same.
    /// - `udp_table` (read): those of UDP.
    /// - `udp_mappings` (read): the same.
    /// - `lookup` (read, with SADDR SPORT DADDR DPORT): what a flow of TCP, or where there is none of
    ///   another protocol, becomes.
    /// - `tcp_lookup` (read, with the same): the same of TCP alone.
    /// - `clear` (write): removes all mappings of all that share its capacity.
    ///
    /// Each input has a handler of its own, too, which can be written: `pattern0` and so on.
    ///
    /// # Example
    /// ```click
    /// FromDump(in.pcap, STOP true) -> Strip(14) -> CheckIPHeader -> t :: Tee;
    /// t [0] -> IPRewriter(pattern 1.0.0.1 1024-65535# - - 0 0) -> Discard;
    /// t [1] -> TCPRewriter(keep 0 0) -> Discard; t [2] -> UDPRewriter(keep 0 0) -> Discard;
    /// t [3] -> ICMPPingRewriter(pattern 1.0.0.1 - 0-65535 0 0) -> Discard;
    /// ```
    pub(crate) struct Rewriter {
        kind: Kind,
        inputs: Vec<Input>,
        outputs: usize,
        mappings: Rc<RefCell<Mappings>>,
        /// The rewriter whose capacity this one shares.
        shares_with: Option<usize>,
        tcp_timeouts: Timeouts,
        other_timeouts: Timeouts,
        reap_ns: u64,
        next_reap_ns: u64,
        next_hop: bool,
        reply_note: Option<usize>,
        patterns: Vec<(String, Pattern)>,
        scope: Scope,
    }
}

/// What a rewriter rewrites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ip,
    Tcp,
    Udp,
    Ping,
}

/// What an input does with packets that have no mapping.
#[derive(Clone, Debug)]
struct Input {
    rule: Rule,
    failures: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Drop,
    Pass(usize),
    Keep([usize; 2]),
    Pattern(Pattern, [usize; 2]),
}

const KEYWORDS: &[&str] = &[
    "INPUTSPEC",
    "CAPACITY",
    "MAPPING_CAPACITY",
    "GUARANTEE",
    "TCP_GUARANTEE",
    "TCP_NODATA_TIMEOUT",
    "TIMEOUT",
    "TCP_TIMEOUT",
    "TCP_DONE_TIMEOUT",
    "UDP_TIMEOUT",
    "UDP_STREAMING_TIMEOUT",
    "STREAMING_TIMEOUT",
    "UDP_GUARANTEE",
    "REAP_INTERVAL",
    "REAP_TIME",
    "DST_ANNO",
    "REPLY_ANNO",
];

/// The class for TCP and UDP.
pub(crate) const IP: ElementClass = ElementClass {
    name: "IPRewriter",
    manual: Rewriter::MANUAL,
    inputs: Side::at_least(1, Processing::Push),
    outputs: Side::at_least(1, Processing::Push),
    keywords: KEYWORDS,
    handlers: &[
        Handler::read("table_size"),
        Handler::read("nmappings"),
        Handler::read("mapping_failures"),
        Handler::read("size"),
        Handler::read_write("capacity"),
        Handler::read("patterns"),
        Handler::read("table"),
        Handler::read("mappings"),
        Handler::read("tcp_table"),
        Handler::read("tcp_mappings"),
        Handler::read("udp_table"),
        Handler::read("udp_mappings"),
        Handler::ask("lookup"),
        Handler::ask("tcp_lookup"),
        Handler::write("clear"),
    ],
    configure: |arguments, outputs| configure(Kind::Ip, arguments, outputs),
};

/// The class for TCP.
pub(crate) const TCP: ElementClass = ElementClass {
    name: "TCPRewriter",
    configure: |arguments, outputs| configure(Kind::Tcp, arguments, outputs),
    ..IP
};

/// The class for UDP.
pub(crate) const UDP: ElementClass = ElementClass {
    name: "UDPRewriter",
    configure: |arguments, outputs| configure(Kind::Udp, arguments, outputs),
    ..IP
};

/// The class for ICMP echo.
pub(crate) const PING: ElementClass = ElementClass {
    name: "ICMPPingRewriter",
    configure: |arguments, outputs| configure(Kind::Ping, arguments, outputs),
    ..IP
};

/// All of them.
pub(super) const NAMES: &[&str] = &[
    "IPRewriter",
    "TCPRewriter",
    "UDPRewriter",
    "ICMPPingRewriter",
];

const SECOND_NS: u64 = 1_000_000_000;
const MINUTES_NS: u64 = 60 * SECOND_NS;
const DAY_NS: u64 = 24 * 60 * MINUTES_NS;

/// Mappings by default: as many as there are ports of 256 addresses.
const DEFAULT_CAPACITY: usize = 1 << 24;

/// Rewriters that name each other for their capacity.
const MAX_SHARING: usize = 64;

const SPECIFICATION: &str = "drop, pass OUTPUT, keep OUTPUT REPLYOUTPUT, or pattern SADDR SPORT \
                             DADDR DPORT OUTPUT REPLYOUTPUT, with outputs that are connected";

fn configure(
    kind: Kind,
    arguments: &mut Arguments<'_>,
    outputs: usize,
) -> Result<Box<dyn Element>, ConfigError> {
    let (tcp_timeouts, other_timeouts) = read_timeouts(kind, arguments)?;
    let capacity = arguments.keyword("CAPACITY")?;
    let capacity = match arguments.keyword("MAPPING_CAPACITY")? {
        Some(value) => Some(value),
        None => capacity,
    };
    let (capacity, shares_with) = read_capacity(capacity, arguments)?;
    let reap = arguments.keyword("REAP_INTERVAL")?;
    let reap = arguments.keyword("REAP_TIME")?.or(reap);
    let next_hop = arguments.boolean("DST_ANNO", true)?;
    let reply_note = arguments.keyword("REPLY_ANNO")?;
    let reply_note = reply_note
        .map(|value| annotation::read(value, 1))
        .transpose()?;
    let mut rewriter = Rewriter {
        kind,
        inputs: Vec::new(),
        outputs,
        mappings: Rc::new(RefCell::new(Mappings::new(capacity))),
        shares_with,
        tcp_timeouts,
        other_timeouts,
        reap_ns: reap.map_or(Ok(15 * MINUTES_NS), Value::interval_ns)?,
        next_reap_ns: 0,
        next_hop,
        reply_note,
        patterns: Vec::new(),
        scope: arguments.scope().clone(),
    };
    let values = arguments.rest();
    if values.is_empty() {
        arguments.mandatory("INPUTSPEC")?;
    }
    let first = values
        .first()
        .filter(|_| values.len() != arguments.inputs());
    if let Some(first) = first {
        return Err(first.refuse("one specification for each connected input"));
    }
    for value in values {
        let rule = rewriter.rule(value.text(), Some(arguments.config()));
        let rule = rule.ok_or_else(|| value.refuse(SPECIFICATION))?;
        rewriter.inputs.push(Input { rule, failures: 0 });
    }
    Ok(Box::new(rewriter))
}

/// Timeouts of TCP, and of other protocols.
fn read_timeouts(
    kind: Kind,
    arguments: &mut Arguments<'_>,
) -> Result<(Timeouts, Timeouts), ConfigError> {
    let mut time = |keyword, default| {
        let value = arguments.keyword(keyword)?;
        value.map_or(Ok(default), Value::interval_ns)
    };
    let guarantee_ns = time("GUARANTEE", 5 * SECOND_NS)?;
    let tcp_guarantee_ns = time("TCP_GUARANTEE", guarantee_ns)?;
    let udp_guarantee_ns = time("UDP_GUARANTEE", guarantee_ns)?;
    let timeout = time("TIMEOUT", u64::MAX)?;
    let or = |default| {
        if timeout == u64::MAX {
            default
        } else {
            timeout
        }
    };
    let data_ns = time("TCP_TIMEOUT", or(DAY_NS))?;
    let nodata_ns = time("TCP_NODATA_TIMEOUT", 5 * MINUTES_NS)?;
    let done_ns = time("TCP_DONE_TIMEOUT", 4 * MINUTES_NS)?;
    let other = match kind {
        // As in Click, TIMEOUT is TCP's where there are both.
        Kind::Ip => 5 * MINUTES_NS,
        _ => or(5 * MINUTES_NS),
    };
    let ordinary_ns = time("UDP_TIMEOUT", other)?;
    let streaming_ns = time("STREAMING_TIMEOUT", ordinary_ns)?;
    let streaming_ns = time("UDP_STREAMING_TIMEOUT", streaming_ns)?;
    let tcp = Timeouts {
        guarantee_ns: tcp_guarantee_ns,
        ordinary_ns: nodata_ns,
        data_ns,
        done_ns,
    };
    let others = Timeouts {
        guarantee_ns: udp_guarantee_ns,
        ordinary_ns,
        data_ns: streaming_ns,
        done_ns: ordinary_ns,
    };
    Ok((tcp, others))
}

/// A number, or a rewriter.
fn read_capacity(
    value: Option<Value<'_>>,
    arguments: &Arguments<'_>,
) -> Result<(usize, Option<usize>), ConfigError> {
    let Some(value) = value else {
        return Ok((DEFAULT_CAPACITY, None));
    };
    match value.unsigned() {
        Ok(_) => Ok((value.at_most(DEFAULT_CAPACITY, "at most 16777216")?, None)),
        Err(_) => Ok((
            DEFAULT_CAPACITY,
            Some(arguments.element_named(value, NAMES)?),
        )),
    }
}

impl Rewriter {
    /// Reads the specification of an input. Names of patterns are those of the configuration, or known
    /// already.
    fn rule(&mut self, text: &str, config: Option<&Config>) -> Option<Rule> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let output = |word: &str| {
            let output = usize::try_from(parse_unsigned(word)?).ok();
            output.filter(|output| *output < self.outputs)
        };
        match words.as_slice() {
            ["drop" | "discard"] => Some(Rule::Drop),
            ["pass" | "passthrough" | "nochange"] => Some(Rule::Pass(output("0")?)),
            ["pass" | "passthrough" | "nochange", to] => Some(Rule::Pass(output(to)?)),
            ["keep", to, reply] => Some(Rule::Keep([output(to)?, output(reply)?])),
            ["pattern" | "xpattern", pattern @ .., to, reply] => {
                let outputs = [output(to)?, output(reply)?];
                let pattern = match pattern {
                    [name] => self.named(name, config)?,
                    words => Pattern::parse(words, &self.scope)?,
                };
                Some(Rule::Pattern(pattern, outputs))
            }
            _ => None,
        }
    }

    fn named(&mut self, name: &str, config: Option<&Config>) -> Option<Pattern> {
        if let Some((_, known)) = self.patterns.iter().find(|(known, _)| known == name) {
            return Some(*known);
        }
        let pattern = patterns::find(config?, name, &self.scope)?;
        self.patterns.push((name.into(), pattern));
        Some(pattern)
    }

    /// The flow of a packet, if it is of a kind that is rewritten.
    fn seen(&self, packet: &Packet) -> Option<Seen> {
        let seen = match self.kind {
            Kind::Ping => flow::of_ping(packet),
            _ => flow::of_transport(packet),
        };
        seen.filter(|seen| match self.kind {
            Kind::Tcp => seen.protocol == ipv4::TCP,
            _ => true,
        })
    }

    /// Makes a mapping, as the input says.
    fn map(
        &mut self,
        input: usize,
        seen: &Seen,
        packet: &Packet,
        context: &mut Context<'_>,
    ) -> Option<End> {
        let rewriter = context.element();
        let now_ns = context.host.clock_ns();
        let random = context.host.random_u32();
        let spec = self.inputs.get_mut(input)?;
        let mut mappings = self.mappings.borrow_mut();
        let protocol = seen.protocol;
        let is_ping = self.kind == Kind::Ping;
        let (to, outputs) = match &mut spec.rule {
            Rule::Keep(outputs) => (Some(seen.id), *outputs),
            Rule::Pattern(pattern, outputs) => {
                let is_taken = |id: FlowId| {
                    let id = if is_ping { answer_of(id) } else { id };
                    let key = Key {
                        rewriter,
                        protocol,
                        id,
                    };
                    mappings.find(key).is_some()
                };
                let new = pattern.rewrite(seen.id, random, is_taken);
                let new = new.map(|new| {
                    if is_ping {
                        answer_of(new.reverse()).reverse()
                    } else {
                        new
                    }
                });
                (new, *outputs)
            }
            Rule::Drop | Rule::Pass(_) => return None,
        };
        let timeouts = match protocol {
            ipv4::TCP => self.tcp_timeouts,
            _ => self.other_timeouts,
        };
        let note = self.reply_note.and_then(|at| packet.notes.byte(at));
        let end = to.and_then(|to| {
            let new = NewFlow {
                rewriter,
                protocol,
                input,
                outputs,
                from: seen.id,
                to,
                reply_note: note.unwrap_or_default(),
                timeouts,
            };
            mappings.add(new, now_ns)
        });
        if end.is_none() {
            spec.failures = spec.failures.saturating_add(1);
        }
        end
    }

    /// The mapping that packets of a flow have here.
    pub(super) fn find(&self, rewriter: usize, protocol: u8, id: FlowId) -> Option<(Flow, bool)> {
        let mappings = self.mappings.borrow();
        let end = mappings.find(Key {
            rewriter,
            protocol,
            id,
        })?;
        Some((mappings.flow(end.flow)?.clone(), end.is_reply))
    }

    /// Reads `SADDR SPORT DADDR DPORT`.
    fn parse_flow(&self, text: &str) -> Option<FlowId> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let [source, source_port, destination, destination_port] = words.as_slice() else {
            return None;
        };
        let port = |text: &str| self.scope.port(text, PortProtocol::Tcp);
        Some(FlowId {
            source: self.scope.address(source)?,
            source_port: port(source_port)?,
            destination: self.scope.address(destination)?,
            destination_port: port(destination_port)?,
        })
    }

    /// What a flow of one of these protocols becomes, as Click prints it; nothing if it has no mapping.
    fn look_up(&self, rewriter: usize, protocols: &[u8], flow: FlowId) -> String {
        let mut protocols = protocols.iter();
        let found = protocols.find_map(|protocol| self.find(rewriter, *protocol, flow));
        found.map_or_else(String::new, |(flow, is_reply)| {
            let new = flow.rewritten(is_reply);
            format!(
                "{} {} {} {}",
                new.source, new.source_port, new.destination, new.destination_port
            )
        })
    }

    /// Sends a packet on that has no mapping.
    fn without_mapping(&self, input: usize, packet: Packet, context: &mut Context<'_>) {
        let rule = self.inputs.get(input).map(|input| &input.rule);
        if let Some(Rule::Pass(output)) = rule {
            context.push(*output, packet);
        }
    }

    fn reap(&mut self, now_ns: u64) {
        if now_ns >= self.next_reap_ns && self.reap_ns > 0 {
            self.next_reap_ns = now_ns.saturating_add(self.reap_ns);
            self.mappings.borrow_mut().reap(now_ns);
        }
    }

    /// Mappings, one line for each end, as Click prints them.
    fn list(&self, rewriter: usize, now_ns: u64, of: impl Fn(&Flow) -> bool) -> String {
        let mappings = self.mappings.borrow();
        let ends = mappings.ends(rewriter).filter(|(flow, _)| of(flow));
        let lines = ends.map(|(flow, is_reply)| {
            let [to, reply] = flow.outputs;
            let (mark, reply_mark) = if is_reply { ("", "*") } else { ("*", "") };
            let left = flow.best_effort_ns().saturating_sub(now_ns);
            format!(
                "{} => {} [{mark}{to} {reply_mark}{reply}] i{} exp{}\n",
                flow.seen(is_reply),
                flow.rewritten(is_reply),
                flow.input,
                left.saturating_add(SECOND_NS / 2) / SECOND_NS
            )
        });
        lines.collect()
    }

    /// The specification of an input, with the number of its mappings, as Click prints it.
    fn describe(&self, input: usize, rewriter: usize) -> Option<String> {
        let spec = match &self.inputs.get(input)?.rule {
            Rule::Drop => "<drop>".into(),
            Rule::Pass(_) => "<nochange>".into(),
            Rule::Keep(_) => "<keep>".into(),
            Rule::Pattern(pattern, _) => pattern.unparse(),
        };
        let mappings = self.mappings.borrow();
        let own = mappings
            .ends(rewriter)
            .filter(|(flow, is_reply)| flow.input == input && !is_reply);
        Some(match own.count() {
            0 => format!("{spec}\n"),
            count => format!("{spec} [{count}]\n"),
        })
    }

    fn value(&self, handler: &str, context: &Context<'_>, now_ns: u64) -> Option<String> {
        let rewriter = context.element();
        let mappings = self.mappings.borrow();
        let own = || {
            mappings
                .ends(rewriter)
                .filter(|(_, is_reply)| !is_reply)
                .count()
        };
        Some(match handler {
            "table_size" | "nmappings" => format!("{}", own()),
            "mapping_failures" => {
                let failures = self.inputs.iter().map(|input| input.failures);
                format!("{}", failures.fold(0, u64::saturating_add))
            }
            "size" => format!("{}", mappings.size()),
            "capacity" => format!("{}", mappings.capacity),
            "patterns" => {
                let inputs = 0..self.inputs.len();
                inputs
                    .filter_map(|input| self.describe(input, rewriter))
                    .collect()
            }
            "table" | "mappings" => self.list(rewriter, now_ns, |_| true),
            "tcp_table" | "tcp_mappings" => {
                self.list(rewriter, now_ns, |flow| flow.protocol == ipv4::TCP)
            }
            "udp_table" | "udp_mappings" => {
                self.list(rewriter, now_ns, |flow| flow.protocol == ipv4::UDP)
            }
            _ => self.describe(index(handler)?, rewriter)?,
        })
    }
}

/// The input that a handler is about.
fn index(handler: &str) -> Option<usize> {
    usize::try_from(parse_unsigned(handler.strip_prefix("pattern")?)?).ok()
}

/// The flow of the answers to an echo request whose identifier is the destination port.
const fn answer_of(id: FlowId) -> FlowId {
    FlowId::ping(id.source, id.destination, id.destination_port, false)
}

impl Element for Rewriter {
    fn push(
        &mut self,
        input: usize,
        mut packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        let now_ns = context.host.clock_ns();
        self.reap(now_ns);
        let Some(seen) = self.seen(&packet) else {
            self.without_mapping(input, packet, context);
            return Ok(());
        };
        let key = Key {
            rewriter: context.element(),
            protocol: seen.protocol,
            id: seen.id,
        };
        let known = self.mappings.borrow().find(key);
        let end = match known {
            Some(end) => Some(end),
            None if seen.begins => self.map(input, &seen, &packet, context),
            None => None,
        };
        let Some(end) = end else {
            self.without_mapping(input, packet, context);
            return Ok(());
        };
        let mut mappings = self.mappings.borrow_mut();
        mappings.note(end, seen.tcp, now_ns);
        let Some(flow) = mappings.flow(end.flow) else {
            return Ok(());
        };
        let new = flow.rewritten(end.is_reply);
        if flow::rewrite(&mut packet, new).is_some() {
            if self.next_hop {
                packet.notes.destination = new.destination.octets();
            }
            if let Some(at) = self.reply_note.filter(|_| end.is_reply) {
                packet.notes.set_byte(at, flow.reply_note);
            }
            let [to, reply] = flow.outputs;
            context.push(if end.is_reply { reply } else { to }, packet);
        }
        Ok(())
    }

    fn start(&mut self, context: &mut Context<'_>) -> Result<(), String> {
        let mut shared = self.shares_with;
        for _ in 0..MAX_SHARING {
            let Some(index) = shared else {
                return Ok(());
            };
            let other = context.other::<Self>(index);
            let other = other.ok_or("a rewriter shares its capacity with itself")?;
            self.mappings = Rc::clone(&other.mappings);
            shared = other.shares_with;
        }
        Err("rewriters share their capacity in a circle".into())
    }

    fn read_in(
        &mut self,
        handler: &str,
        parameters: &str,
        context: &mut Context<'_>,
    ) -> Result<String, Refusal> {
        let protocols: &[u8] = match handler {
            "lookup" => &[ipv4::TCP, ipv4::UDP, ipv4::ICMP],
            "tcp_lookup" => &[ipv4::TCP],
            _ => &[],
        };
        if !protocols.is_empty() {
            let flow = self.parse_flow(parameters).ok_or(Refusal::Value)?;
            return Ok(self.look_up(context.element(), protocols, flow));
        }
        let now_ns = context.host.clock_ns();
        self.value(handler, context, now_ns).ok_or(Refusal::Value)
    }

    fn write_in(
        &mut self,
        handler: &str,
        value: &str,
        context: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        let now_ns = context.host.clock_ns();
        match handler {
            "capacity" => {
                let capacity =
                    parse_unsigned(value).and_then(|number| usize::try_from(number).ok());
                let capacity = capacity.filter(|capacity| *capacity <= DEFAULT_CAPACITY);
                let mut mappings = self.mappings.borrow_mut();
                mappings.capacity = capacity.ok_or(Refusal::Value)?;
                mappings.reap(now_ns);
            }
            "clear" => self.mappings.borrow_mut().remove_where(|_| true),
            _ => {
                let input = index(handler).ok_or(Refusal::Value)?;
                let rule = self.rule(value, None).ok_or(Refusal::Value)?;
                let spec = self.inputs.get_mut(input).ok_or(Refusal::Value)?;
                *spec = Input { rule, failures: 0 };
                let rewriter = context.element();
                let mut mappings = self.mappings.borrow_mut();
                mappings.remove_where(|flow| flow.rewriter == rewriter && flow.input == input);
            }
        }
        Ok(())
    }

    fn own_handlers(&self) -> Vec<Handler<String>> {
        let numbers = 0..self.inputs.len();
        let handlers = numbers.map(|number| Handler::read_write(format!("pattern{number}")));
        handlers.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{MemoryHost, router, run};

    /// Client and server, with a rewriter between them; the server sends everything back.
    fn translated(
        kind: &str,
        specification: &str,
        encapsulation: &str,
        data: &[&[u8]],
    ) -> (MemoryHost, String) {
        let mut host = MemoryHost::new(data);
        let text = format!(
            "FromDump(in.pcap) -> {encapsulation} -> [0] rw :: {kind}({specification}, drop);
            rw [0] -> c :: CheckIPHeader -> ToDump(server) -> {} -> [1] rw;
            rw [1] -> c2 :: CheckIPHeader -> IPPrint(back, TIMESTAMP no) -> ToDump(client)",
            if kind == "ICMPPingRewriter" {
                "ICMPPingResponder"
            } else {
                "IPMirror"
            }
        );
        let mut router = run(&text, &mut host);
        for drops in ["c.drops", "c2.drops"] {
            assert_eq!(router.read_handler(drops).unwrap(), "0");
        }
        let table = router.call_read(&mut host, "rw.table").unwrap();
        assert_eq!(router.call_read(&mut host, "rw.table_size").unwrap(), "1");
        (host, table)
    }

    /// The way back works, which is where it is easy to go wrong.
    #[test]
    fn answers_come_back_to_whoever_asked() {
        let udp = "UDPIPEncap(10.0.0.1, 1000, 20.0.0.2, 53)";
        for (kind, pattern) in [
            ("IPRewriter", "pattern 1.0.0.1 5000-6000# - - 0 1"),
            ("UDPRewriter", "pattern 1.0.0.1 5000 - - 0 1"),
        ] {
            let (host, table) = translated(kind, pattern, udp, &[b"data", b"data"]);
            assert_eq!(host.written("server").len(), 2);
            assert_eq!(
                host.messages,
                ["back: 20.0.0.2.53 > 10.0.0.1.1000: udp 12"; 2]
            );
            let [out, back] = [
                "(10.0.0.1, 1000, 20.0.0.2, 53)",
                "(20.0.0.2, 53, 1.0.0.1, 5000)",
            ];
            let expected = format!(
                "{out} => (1.0.0.1, 5000, 20.0.0.2, 53) [*0 1] i0 exp300\n\
                 {back} => (20.0.0.2, 53, 10.0.0.1, 1000) [0 *1] i0 exp300\n"
            );
            assert_eq!(table, expected);
        }
        let ping = b"\x08\0\xe5\xca\x12\x34\0\x01";
        let icmp = "IPEncap(icmp, 10.0.0.1, 20.0.0.2)";
        let pattern = "pattern 1.0.0.1 - 0-65535 0 1";
        let (host, _) = translated("ICMPPingRewriter", pattern, icmp, &[ping]);
        assert_eq!(
            host.messages,
            ["back: 20.0.0.2 > 10.0.0.1: icmp echo-reply (4660, 1)"]
        );
        assert_eq!(host.written("server")[0][12..16], [1, 0, 0, 1]);
    }

    #[test]
    fn checksums_are_right_afterwards() {
        let mut host = MemoryHost::new(&[b"odd", b"even"]);
        let router = run(
            "FromDump(in.pcap) -> UDPIPEncap(10.0.0.1, 1000, 20.0.0.2, 53)
            -> IPRewriter(pattern 1.0.0.1 5000 2.0.0.2 54 0 0)
            -> c :: CheckIPHeader -> u :: CheckUDPHeader -> Discard",
            &mut host,
        );
        assert_eq!(router.read_handler("c.drops").unwrap(), "0");
        assert_eq!(router.read_handler("u.drops").unwrap(), "0");
    }

    #[test]
    fn what_has_no_mapping_is_dropped_or_passes() {
        let mut host = MemoryHost::new(&[b"12345678"]);
        run(
            "FromDump(in.pcap) -> t :: Tee;
            t [0] -> IPEncap(99, 1.1.1.1, 2.2.2.2) -> m :: Tee;
            t [1] -> IPEncap(tcp, 1.1.1.1, 2.2.2.2) -> m2 :: Tee;
            m [0] -> [0] rw :: IPRewriter(pass 0, drop, keep 1 1, pass 1); m [1] -> [1] rw;
            m2 [0] -> [1] rw; m2 [1] -> [2] rw; m2 [2] -> Truncate(23) -> [2] rw; t [2] -> [3] rw;
            rw [0] -> ToDump(passed); rw [1] -> ToDump(kept)",
            &mut host,
        );
        assert_eq!(
            (host.written("passed").len(), host.written("kept").len()),
            (1, 2)
        );
    }

    #[test]
    fn specifications_are_checked_and_can_be_changed() {
        for wrong in [
            "",
            "drop 1",
            "pass 1",
            "keep 0",
            "pattern 1.0.0.1 0 0",
            "pattern X 0 0",
            "x",
        ] {
            let text = format!("InfiniteSource -> IPRewriter({wrong}) -> Discard");
            router(&text, &mut MemoryHost::new(&[])).unwrap_err();
        }
        let text = "IPRewriterPatterns(X 1.0.0.1 5 - -); FromDump(in.pcap)
            -> UDPIPEncap(10.0.0.1, 1000, 20.0.0.2, 53) -> a :: IPRewriter(pattern X 0 0, CAPACITY b)
            -> Discard; InfiniteSource(ACTIVE no) -> b :: IPRewriter(drop, CAPACITY 7) -> Discard";
        let mut host = MemoryHost::new(&[b"x"]);
        let mut router = run(text, &mut host);
        for (call, value) in [
            ("a.patterns", "1.0.0.1 5 - - [1]\n"),
            ("a.capacity", "7"),
            ("b.size", "1"),
            ("b.table_size", "0"),
        ] {
            assert_eq!(router.call_read(&mut host, call).unwrap(), value, "{call}");
        }
        router.call_write(&mut host, "a.pattern0 drop").unwrap();
        assert_eq!(
            router.call_read(&mut host, "a.pattern0").unwrap(),
            "<drop>\n"
        );
        assert_eq!(router.call_read(&mut host, "b.size").unwrap(), "0");
        router
            .call_write(&mut host, "a.pattern0 keep 0 9")
            .unwrap_err();
    }
}
