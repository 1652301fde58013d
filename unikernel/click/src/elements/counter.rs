//! Counter.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use super::limit::Callback;
use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::in_place::{InPlace, in_place};
use crate::language::{Arguments, parse_unsigned, shift_word};
use crate::packet::Packet;

manual! {
    /// Counts packets and their bytes.
    ///
    /// Packets pass unchanged.
    ///
    /// # Configuration
    /// `Counter([keywords COUNT_CALL, BYTE_COUNT_CALL])`
    /// - COUNT_CALL: `N HANDLER [VALUE]`; writes to the handler when packet N comes, before it goes on.
    /// - BYTE_COUNT_CALL: the same when there have been N bytes.
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// - `count` (read): packets since the start or the last reset.
    /// - `byte_count` (read): their bytes.
    /// - `reset_counts`, `reset` (write): sets both to 0.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> c :: Counter -> Discard;
    /// ```
    pub(crate) struct Counter {
        packets: u64,
        bytes: u64,
        calls: Option<Box<Calls>>,
    }
}

/// What happens at some counts.
#[derive(Debug)]
struct Calls {
    packets: Option<Trigger>,
    bytes: Option<Trigger>,
}

#[derive(Debug)]
struct Trigger {
    count: u64,
    callback: Callback,
    triggered: bool,
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "Counter",
    manual: Counter::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &["COUNT_CALL", "BYTE_COUNT_CALL"],
    handlers: &[
        Handler::read("count"),
        Handler::read("byte_count"),
        Handler::write("reset_counts"),
        Handler::write("reset"),
    ],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let packets = trigger(arguments, "COUNT_CALL")?;
    let bytes = trigger(arguments, "BYTE_COUNT_CALL")?;
    let any = packets.is_some() || bytes.is_some();
    Ok(Box::new(Counter {
        packets: 0,
        bytes: 0,
        calls: any.then(|| Box::new(Calls { packets, bytes })),
    }))
}

fn trigger(
    arguments: &mut Arguments<'_>,
    keyword: &'static str,
) -> Result<Option<Trigger>, ConfigError> {
    let Some(value) = arguments.keyword(keyword)? else {
        return Ok(None);
    };
    let (count, call) = shift_word(value.text());
    let count = parse_unsigned(count).filter(|_| !call.is_empty());
    let count = count.ok_or_else(|| value.refuse("a number and a handler"))?;
    Ok(Some(Trigger {
        count,
        callback: Callback::new(call),
        triggered: false,
    }))
}

impl Trigger {
    fn count(&mut self, count: u64, context: &mut Context<'_>) {
        if count >= self.count && !self.triggered {
            self.triggered = true;
            self.callback.write(context);
        }
    }
}

impl InPlace for Counter {
    fn handle(
        &mut self,
        _: usize,
        packet: &mut Packet,
        context: &mut Context<'_>,
    ) -> Option<usize> {
        let len = u64::try_from(packet.len()).unwrap_or(u64::MAX);
        self.packets = self.packets.saturating_add(1);
        self.bytes = self.bytes.saturating_add(len);
        if let Some(calls) = &mut self.calls {
            if let Some(trigger) = &mut calls.packets {
                trigger.count(self.packets, context);
            }
            if let Some(trigger) = &mut calls.bytes {
                trigger.count(self.bytes, context);
            }
        }
        Some(0)
    }
}

impl Element for Counter {
    in_place!(but takes_batches);

    fn takes_batches(&self) -> bool {
        self.calls.is_none()
    }

    fn uses_handlers(&self) -> bool {
        self.calls.is_some()
    }

    fn start(&mut self, context: &mut Context<'_>) -> Result<(), String> {
        let Some(calls) = &self.calls else {
            return Ok(());
        };
        let mut triggers = calls.packets.iter().chain(&calls.bytes);
        triggers.try_for_each(|trigger| trigger.callback.find(context))
    }

    fn read(&self, handler: &str) -> Option<String> {
        match handler {
            "count" => Some(format!("{}", self.packets)),
            "byte_count" => Some(format!("{}", self.bytes)),
            _ => None,
        }
    }

    fn write(&mut self, handler: &str, _: &str) -> Option<()> {
        match handler {
            "reset_counts" | "reset" => {
                (self.packets, self.bytes) = (0, 0);
                if let Some(calls) = &mut self.calls {
                    let triggers = calls.packets.iter_mut().chain(&mut calls.bytes);
                    triggers.for_each(|trigger| trigger.triggered = false);
                }
            }
            _ => return None,
        }
        Some(())
    }
}
