//! IPRewriterPatterns.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::pattern::Pattern;
use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::Side;
use crate::host::HostError;
use crate::language::{Arguments, Config};
use crate::names::Scope;
use crate::packet::Packet;

manual! {
    /// Gives names to the patterns of rewriters.
    ///
    /// # Configuration
    /// `IPRewriterPatterns(ENTRY, ...)`
    /// - ENTRY: a name and a pattern, `SADDR SPORT DADDR DPORT`, as in IPRewriter.
    ///
    /// # Ports
    /// None.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// IPRewriterPatterns(NAT 1.0.0.1 1024-65535 - -);
    /// FromDump(in.pcap, STOP true) -> Strip(14) -> CheckIPHeader
    ///     -> rw :: IPRewriter(pattern NAT 0 0) -> Discard;
    /// ```
    pub(crate) struct IpRewriterPatterns {
    }
}

const NAME: &str = "IPRewriterPatterns";

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "IPRewriterPatterns",
    manual: IpRewriterPatterns::MANUAL,
    inputs: Side::NONE,
    outputs: Side::NONE,
    keywords: &["ENTRY"],
    handlers: &[],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    for value in arguments.every() {
        let entry = read(value.text(), arguments.scope());
        entry.ok_or_else(|| value.refuse("a name and a pattern SADDR SPORT DADDR DPORT"))?;
    }
    Ok(Box::new(IpRewriterPatterns {}))
}

/// Reads an entry.
fn read<'a>(entry: &'a str, scope: &Scope) -> Option<(&'a str, Pattern)> {
    let words: Vec<&str> = entry.split_ascii_whitespace().collect();
    let (name, pattern) = words.split_first()?;
    Some((name, Pattern::parse(pattern, scope)?))
}

/// The pattern with this name. Of several, the last one counts.
pub(super) fn find(config: &Config, name: &str, scope: &Scope) -> Option<Pattern> {
    let elements = config.elements().iter();
    let elements = elements.filter(|element| element.class.name == NAME);
    let entries = elements.flat_map(|element| &element.arguments).rev();
    let mut entries = entries.filter_map(|argument| read(&argument.text, scope));
    let named = entries.find(|(known, _)| *known == name);
    named.map(|(_, pattern)| pattern)
}

impl Element for IpRewriterPatterns {
    fn push(&mut self, _: usize, _: Packet, _: &mut Context<'_>) -> Result<(), HostError> {
        Ok(())
    }
}
