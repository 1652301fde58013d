//! ToDevice.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use crate::element::{Activity, Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::{Device, DeviceUse, Host, HostError};
use crate::language::{Arguments, Value};
use crate::packet::Packet;

manual! {
    /// Sends packets to a device, as frames.
    ///
    /// FromDevice says which devices there are. What is pushed while the device has no room is dropped;
    /// what is pulled waits here.
    ///
    /// # Configuration
    /// `ToDevice([DEVNAME, BURST])`
    /// - DEVNAME: the device; 0 by default.
    /// - BURST: packets that are pulled in a row; 128 by default.
    ///
    /// # Ports
    /// One agnostic input; an optional push output, through which packets go on.
    ///
    /// # Handlers
    /// - `count` (read): frames sent.
    /// - `drops` (read): packets dropped because the device had no room.
    /// - `reset_counts` (write): sets both to 0.
    /// - `device` (read): DEVNAME.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5) -> Queue -> ToDevice(loop:a);
    /// FromDevice(loop:a) -> Discard;
    /// ```
    pub(crate) struct ToDevice {
        name: String,
        burst: u64,
        count: u64,
        drops: u64,
        device: Option<Box<dyn Device>>,
        /// Whether nobody else moves packets here.
        pulls: bool,
        /// A packet that was pulled and that the device had no room for.
        waiting: Option<Packet>,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "ToDevice",
    manual: ToDevice::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::between(0, 1, Processing::Push),
    keywords: &["DEVNAME", "BURST"],
    handlers: &[
        Handler::read("count"),
        Handler::read("drops"),
        Handler::write("reset_counts"),
        Handler::read("device"),
    ],
    configure,
};

/// Packets in a row where the configuration does not say, as for the NICs of the Unikraft port.
const DEFAULT_BURST: u64 = 128;

/// How long a device that has no room is left alone: the time that a slow link needs for a frame.
const RETRY_NS: u64 = 100_000;

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let name = arguments.positional("DEVNAME")?;
    let burst = arguments.positional("BURST")?;
    Ok(Box::new(ToDevice {
        name: name.map_or_else(|| Ok("0".into()), Value::string)?,
        burst: burst.map_or(Ok(DEFAULT_BURST), Value::positive)?,
        count: 0,
        drops: 0,
        device: None,
        pulls: false,
        waiting: None,
    }))
}

impl ToDevice {
    /// Sends a packet and lets it go on. It comes back if the device has no room.
    fn send(
        &mut self,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<Option<Packet>, HostError> {
        let Some(device) = &mut self.device else {
            return Ok(Some(packet));
        };
        if !device.send(packet.bytes(), context.host.clock_ns())? {
            return Ok(Some(packet));
        }
        self.count = self.count.saturating_add(1);
        context.push(0, packet);
        Ok(None)
    }

    /// Lets the device get to work on what it was given.
    fn flush(&mut self, context: &mut Context<'_>) -> Result<Activity, HostError> {
        let Some(device) = &mut self.device else {
            return Ok(Activity::Idle);
        };
        let held_until = device.flush(context.host.clock_ns())?;
        Ok(held_until.map_or(Activity::Idle, Activity::Waiting))
    }
}

impl Element for ToDevice {
    fn push(
        &mut self,
        _: usize,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        if let Some(packet) = self.send(packet, context)? {
            self.drops = self.drops.saturating_add(1);
            context.end(packet);
        }
        Ok(())
    }

    fn connect(&mut self, inputs: &[Processing], _: &[Processing]) {
        self.pulls = inputs.contains(&Processing::Pull);
    }

    fn open_outputs(&mut self, host: &mut dyn Host) -> Result<(), HostError> {
        self.device = Some(host.open_device(&self.name, DeviceUse::Send)?);
        Ok(())
    }

    fn run(&mut self, context: &mut Context<'_>) -> Result<Activity, HostError> {
        if !self.pulls {
            return self.flush(context);
        }
        let packet = match self.waiting.take() {
            Some(packet) => Some(packet),
            None => context.pull(0)?,
        };
        let Some(packet) = packet else {
            return self.flush(context);
        };
        self.waiting = self.send(packet, context)?;
        Ok(match self.waiting {
            None => Activity::Working,
            Some(_) => Activity::Waiting(context.host.clock_ns().saturating_add(RETRY_NS)),
        })
    }

    fn burst(&self) -> u64 {
        self.burst
    }

    fn run_many(
        &mut self,
        most: u64,
        context: &mut Context<'_>,
    ) -> Result<(u64, Activity), HostError> {
        for done in 1..=most {
            let activity = self.run(context)?;
            if activity != Activity::Working {
                return Ok((done, activity));
            }
        }
        Ok((most, Activity::Working))
    }

    fn takes_batches(&self) -> bool {
        true
    }

    /// Another element may send to the same device.
    fn keeps_to_itself(&self) -> bool {
        false
    }

    fn finish(&mut self) -> Result<(), HostError> {
        match &mut self.device {
            Some(device) => device.finish(),
            None => Ok(()),
        }
    }

    fn read(&self, handler: &str) -> Option<String> {
        match handler {
            "count" => Some(format!("{}", self.count)),
            "drops" => Some(format!("{}", self.drops)),
            "device" => Some(self.name.clone()),
            _ => None,
        }
    }

    fn write(&mut self, handler: &str, _: &str) -> Option<()> {
        (handler == "reset_counts").then(|| (self.count, self.drops) = (0, 0))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{MemoryHost, run};

    #[test]
    fn what_is_pushed_without_room_is_dropped_and_what_is_pulled_waits() {
        // The wire has room for three frames, and nobody takes them.
        let pushed =
            "InfiniteSource(LIMIT 5, BURST 5) -> d :: ToDevice(loop:a) -> c :: Counter -> Discard";
        let router = run(pushed, &mut MemoryHost::new(&[]));
        let read = |handler: &str| router.read_handler(handler).unwrap();
        assert_eq!((read("d.count"), read("d.drops")), ("3".into(), "2".into()));
        assert_eq!(read("c.count"), "3");

        let pulled = "InfiniteSource(LIMIT 50, BURST 50) -> Queue -> d :: ToDevice(loop:a);
            FromDevice(loop:a) -> c :: Counter -> Discard";
        let router = run(pulled, &mut MemoryHost::new(&[]));
        let read = |handler: &str| router.read_handler(handler).unwrap();
        assert_eq!(
            (read("d.count"), read("d.drops")),
            ("50".into(), "0".into())
        );
        assert_eq!(read("c.count"), "50");
    }
}
