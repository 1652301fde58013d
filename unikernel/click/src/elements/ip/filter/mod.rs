//! IPFilter and IPClassifier.

mod decision;
mod expression;
mod parse;
mod primitive;
mod steps;
mod words;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use self::decision::Decision;
use self::expression::{Expression, Writer};
use self::steps::{Headers, Next, Steps};
use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::HostError;
use crate::in_place::{InPlace, in_place};
use crate::language::{Arguments, Value, parse_unsigned};
use crate::names::Scope;
use crate::packet::Packet;

manual! {
    /// Filters IP packets by the first rule whose pattern they match.
    ///
    /// Rules are turned into a graph of decisions, each of which looks at some bits of a header
    /// once: how long a packet takes does not depend on the number of rules, as long as these do not
    /// mix many fields freely.
    ///
    /// A pattern consists of terms, joined by `and`, `or`, `not` and `?:`. A term has qualifiers, an
    /// operator and a value: `src host 10.0.0.1`, `dst net 10.1/16`, `src or dst port 53`,
    /// `tcp port > 1023`, `proto udp`, `icmp type echo`, `tcp opt syn`, `ip ttl < 2`, `ip frag`,
    /// `ip[6:2] & 0x3fff != 0`, `tcp[13] & 2 = 2`, `ether src 2:0:0:0:0:1`. Fields of the IP header
    /// are `vers`, `hl`, `tos`, `dscp`, `len`, `id` and `ttl`; `tcp win` and `icmp type` are others. What a
    /// term leaves out is taken from the one before: `src port 80 or 443`. The patterns `-`, `any` and
    /// `all` match every packet. A packet that ends before the bits that a term is about does not match
    /// it.
    ///
    /// The IP header is where another element has noted it. What matches no rule is dropped.
    ///
    /// # Configuration
    /// `IPFilter(RULE, ...)`
    /// - RULE: an action and a pattern; the action is `allow`, which is output 0, `deny` or `drop`, or
    ///   the number of an output.
    ///
    /// # Ports
    /// One push input, any number of push outputs.
    ///
    /// # Handlers
    /// - `program` (read): the tests that the patterns consist of, in their order.
    ///
    /// # Example
    /// ```click
    /// FromDump(in.pcap, STOP true) -> Strip(14) -> CheckIPHeader
    ///     -> IPFilter(allow udp dst port 53, deny src net 10/8, allow tcp) -> Discard;
    /// ```
    pub(crate) struct IpFilter {
        decision: Decision,
    }
}

manual! {
    /// Sends IP packets to the output of the first pattern that they match.
    ///
    /// Patterns are those of IPFilter. What matches none is dropped.
    ///
    /// # Configuration
    /// `IPClassifier(PATTERN, ...)`
    /// - PATTERN: one for each output.
    ///
    /// # Ports
    /// One push input, a push output for each pattern.
    ///
    /// # Handlers
    /// - `program` (read): the tests that the patterns consist of, in their order.
    ///
    /// Each pattern has a handler of its own, too: `pattern0` and so on.
    ///
    /// # Example
    /// ```click
    /// FromDump(in.pcap, STOP true) -> Strip(14) -> CheckIPHeader -> c :: IPClassifier(tcp, udp, -);
    /// c [0] -> Discard; c [1] -> Discard; c [2] -> Discard;
    /// ```
    pub(crate) struct IpClassifier {
        filter: IpFilter,
        patterns: Vec<String>,
        scope: Scope,
    }
}

/// The class of filters.
pub(crate) const FILTER: ElementClass = ElementClass {
    name: "IPFilter",
    manual: IpFilter::MANUAL,
    inputs: Side::exactly(1, Processing::Push),
    outputs: Side::at_least(0, Processing::Push),
    keywords: &["RULE"],
    handlers: &[Handler::read("program")],
    configure: configure_filter,
};

/// The class of classifiers.
pub(crate) const CLASSIFIER: ElementClass = ElementClass {
    name: "IPClassifier",
    manual: IpClassifier::MANUAL,
    outputs: Side::at_least(1, Processing::Push),
    keywords: &["PATTERN"],
    configure: configure_classifier,
    ..FILTER
};

/// A pattern, and where packets go that match it.
type Rule = (Next, Expression);

fn configure_filter(
    arguments: &mut Arguments<'_>,
    outputs: usize,
) -> Result<Box<dyn Element>, ConfigError> {
    let values = arguments.every();
    let rules = values
        .into_iter()
        .map(|value| rule(value, outputs, arguments.scope()));
    let rules = rules.collect::<Result<Vec<_>, _>>()?;
    Ok(Box::new(IpFilter::new(&rules)))
}

/// Reads an action and a pattern.
fn rule(value: Value<'_>, outputs: usize, scope: &Scope) -> Result<Rule, ConfigError> {
    let text = unquoted(value)?;
    let (action, pattern) = match text.trim().split_once(|c: char| c.is_ascii_whitespace()) {
        Some((action, pattern)) => (action, pattern),
        None => (text.trim(), ""),
    };
    let output = match action {
        "deny" | "drop" => None,
        "allow" => Some(0),
        number => {
            let number = parse_unsigned(number).and_then(|number| usize::try_from(number).ok());
            Some(
                number
                    .ok_or_else(|| value.refuse("allow, deny, drop or an output, and a pattern"))?,
            )
        }
    };
    if output.is_some_and(|output| output >= outputs) {
        return Err(value.refuse("a rule whose output is connected"));
    }
    let pattern = parse::pattern(pattern, scope).map_err(|expected| value.refuse(expected))?;
    Ok((output.map_or(Next::Drop, Next::Output), pattern))
}

/// The text of a value. Quotes are taken away where they enclose all of it.
fn unquoted(value: Value<'_>) -> Result<String, ConfigError> {
    match value.text().starts_with(['"', '\'']) {
        true => value.string(),
        false => Ok(value.text().into()),
    }
}

fn configure_classifier(
    arguments: &mut Arguments<'_>,
    outputs: usize,
) -> Result<Box<dyn Element>, ConfigError> {
    let values = arguments.every();
    if let Some(first) = values.first().filter(|_| values.len() != outputs) {
        return Err(first.refuse("one pattern for each connected output"));
    }
    if values.is_empty() {
        arguments.mandatory("PATTERN")?;
    }
    let scope = arguments.scope().clone();
    let mut rules = Vec::new();
    let mut patterns = Vec::new();
    for (output, value) in values.into_iter().enumerate() {
        let text = unquoted(value)?;
        let pattern = parse::pattern(&text, &scope).map_err(|expected| value.refuse(expected))?;
        rules.push((Next::Output(output), pattern));
        patterns.push(text);
    }
    Ok(Box::new(IpClassifier {
        filter: IpFilter::new(&rules),
        patterns,
        scope,
    }))
}

/// Rules as steps: those of each go on to the next rule where it does not match.
fn program(rules: &[Rule]) -> Steps {
    let mut writer = Writer::new();
    let rules = rules.iter().rev();
    let start = rules.fold(Next::Drop, |no, (yes, pattern)| {
        writer.write(pattern, *yes, no)
    });
    let mut steps = writer.finish(start);
    steps.tidy();
    steps
}

impl IpFilter {
    fn new(rules: &[Rule]) -> Self {
        Self {
            decision: Decision::new(program(rules)),
        }
    }

    fn program(&self) -> String {
        match self.decision.constant() {
            Some(start) => {
                let steps = Vec::new();
                Steps { start, steps }.list()
            }
            None => self.decision.steps().list(),
        }
    }
}

impl InPlace for IpFilter {
    fn handle(&mut self, _: usize, packet: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        self.decision.run(&Headers::of(packet))
    }
}

impl Element for IpFilter {
    in_place!();

    fn read(&self, handler: &str) -> Option<String> {
        (handler == "program").then(|| self.program())
    }
}

impl IpClassifier {
    /// The pattern that a handler is about.
    fn index(&self, handler: &str) -> Option<usize> {
        let index = parse_unsigned(handler.strip_prefix("pattern")?)?;
        let index = usize::try_from(index).ok();
        index.filter(|index| *index < self.patterns.len())
    }
}

impl Element for IpClassifier {
    fn push(
        &mut self,
        input: usize,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        self.filter.push(input, packet, context)
    }

    fn read(&self, handler: &str) -> Option<String> {
        match self.index(handler) {
            Some(index) => self.patterns.get(index).cloned(),
            None => self.filter.read(handler),
        }
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        let index = self.index(handler)?;
        let mut patterns = self.patterns.clone();
        *patterns.get_mut(index)? = value.into();
        let rules = patterns.iter().enumerate().map(|(output, pattern)| {
            let pattern = parse::pattern(pattern, &self.scope).ok()?;
            Some((Next::Output(output), pattern))
        });
        let rules = rules.collect::<Option<Vec<Rule>>>()?;
        self.filter = IpFilter::new(&rules);
        self.patterns = patterns;
        Some(())
    }

    fn own_handlers(&self) -> Vec<Handler<String>> {
        let numbers = 0..self.patterns.len();
        let handlers = numbers.map(|number| Handler::read_write(format!("pattern{number}")));
        handlers.collect()
    }
}

#[cfg(test)]
mod tests;
