//! What elements that check headers have in common: packets that fail are counted, reported, and sent
//! to the second output.

use alloc::format;
use alloc::string::String;

use bpf_runtime::Packet;

use crate::element::{Context, Handler};
use crate::error::ConfigError;
use crate::language::Arguments;

/// Packets that failed a check.
#[derive(Debug)]
pub(super) struct Rejections<const N: usize> {
    /// The header, as messages call it.
    header: &'static str,
    reasons: &'static [&'static str; N],
    counts: [u64; N],
    verbose: bool,
}

/// The handlers of such an element.
pub(super) const HANDLERS: &[Handler] = &[Handler::read("drops"), Handler::read("drop_details")];

impl<const N: usize> Rejections<N> {
    /// Reads the arguments that all have.
    pub(super) fn configure(
        header: &'static str,
        reasons: &'static [&'static str; N],
        arguments: &mut Arguments<'_>,
    ) -> Result<Self, ConfigError> {
        let verbose = arguments.boolean("VERBOSE", false)?;
        // Details are always counted.
        arguments.boolean("DETAILS", false)?;
        Ok(Self {
            header,
            reasons,
            counts: [0; N],
            verbose,
        })
    }

    fn total(&self) -> u64 {
        self.counts
            .iter()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Sends a packet on, or away for a reason, which is the index of its text.
    pub(super) fn send(
        &mut self,
        packet: Packet,
        checked: Result<(), usize>,
        context: &mut Context<'_>,
    ) {
        let Err(reason) = checked else {
            context.push(0, packet);
            return;
        };
        if self.verbose || self.total() == 0 {
            let text = self.reasons.get(reason).copied().unwrap_or_default();
            let name = context.name();
            let line = format!("{name}: {} header check failed: {text}", self.header);
            context.host.message(&line);
        }
        if let Some(count) = self.counts.get_mut(reason) {
            *count = count.saturating_add(1);
        }
        context.push(1, packet);
    }

    /// The values of [`HANDLERS`].
    pub(super) fn read(&self, handler: &str) -> Option<String> {
        match handler {
            "drops" => Some(format!("{}", self.total())),
            "drop_details" => {
                let lines = self.counts.iter().zip(self.reasons);
                Some(
                    lines
                        .map(|(count, reason)| format!("{count}\t{reason}\n"))
                        .collect(),
                )
            }
            _ => None,
        }
    }
}
