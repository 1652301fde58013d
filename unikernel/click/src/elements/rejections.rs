//! What elements that check headers have in common: packets that fail are counted, reported, and sent
//! to the second output.

use alloc::format;
use alloc::string::String;

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

    /// The output for a packet that passed, or failed for a reason of the table.
    pub(super) fn output(
        &mut self,
        checked: Result<(), usize>,
        context: &mut Context<'_>,
    ) -> usize {
        match checked {
            Ok(()) => 0,
            Err(reason) => {
                self.reject(reason, context);
                1
            }
        }
    }

    /// Counts a packet that failed, and says why, if that is wanted or it is the first.
    #[cold]
    fn reject(&mut self, reason: usize, context: &mut Context<'_>) {
        if self.verbose || self.total() == 0 {
            let text = self.reasons.get(reason).copied().unwrap_or_default();
            let name = context.name();
            let line = format!("{name}: {} header check failed: {text}", self.header);
            context.host.message(&line);
        }
        if let Some(count) = self.counts.get_mut(reason) {
            *count = count.saturating_add(1);
        }
    }

    /// Whether every packet that fails is reported.
    pub(super) const fn says_all(&self) -> bool {
        self.verbose
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
