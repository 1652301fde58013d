//! DelayUnqueue.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use crate::element::{Activity, Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::HostError;
use crate::language::{Arguments, parse_interval_ns};
use crate::packet::Packet;

manual! {
    /// Pulls packets and pushes each on when it is old enough.
    ///
    /// A packet leaves when DELAY and the delay that a program has given it (`delay_ns` of the
    /// context) have passed since its time of arrival, and not before the packet ahead of it. Its
    /// own delay is used up then.
    ///
    /// # Configuration
    /// `DelayUnqueue(DELAY)`
    /// - DELAY: a time, such as `10ms`; a number alone is seconds.
    ///
    /// # Ports
    /// One pull input, one push output.
    ///
    /// # Handlers
    /// - `delay` (read, write): DELAY; read in nanoseconds.
    /// - `count` (read): packets that have left.
    ///
    /// # Example
    /// ```click
    /// RatedSource(RATE 1000, LIMIT 5) -> Queue -> DelayUnqueue(2ms) -> Discard;
    /// ```
    pub(crate) struct DelayUnqueue {
        delay_ns: u64,
        waiting: Option<Packet>,
        count: u64,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "DelayUnqueue",
    manual: DelayUnqueue::MANUAL,
    inputs: Side::exactly(1, Processing::Pull),
    outputs: Side::exactly(1, Processing::Push),
    keywords: &["DELAY"],
    handlers: &[Handler::read_write("delay"), Handler::read("count")],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    Ok(Box::new(DelayUnqueue {
        delay_ns: arguments.mandatory("DELAY")?.interval_ns()?,
        waiting: None,
        count: 0,
    }))
}

impl Element for DelayUnqueue {
    fn push(&mut self, _: usize, _: Packet, _: &mut Context<'_>) -> Result<(), HostError> {
        Ok(())
    }

    fn run(&mut self, context: &mut Context<'_>) -> Result<Activity, HostError> {
        let waiting = match self.waiting.take() {
            Some(packet) => Some(packet),
            None => context.pull(0)?,
        };
        let Some(mut packet) = waiting else {
            return Ok(Activity::Idle);
        };
        let annotations = &mut packet.annotations;
        let delay = self.delay_ns.saturating_add(annotations.delay_ns);
        let due = annotations.rx_time_ns.saturating_add(delay);
        if due > context.host.clock_ns() {
            self.waiting = Some(packet);
            return Ok(Activity::Waiting(due));
        }
        annotations.delay_ns = 0;
        self.count = self.count.saturating_add(1);
        context.push(0, packet);
        Ok(Activity::Working)
    }

    fn burst(&self) -> u64 {
        1
    }

    fn read(&self, handler: &str) -> Option<String> {
        match handler {
            "delay" => Some(format!("{}ns", self.delay_ns)),
            "count" => Some(format!("{}", self.count)),
            _ => None,
        }
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        if handler != "delay" {
            return None;
        }
        self.delay_ns = parse_interval_ns(value)?;
        Some(())
    }
}
