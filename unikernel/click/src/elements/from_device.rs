//! FromDevice.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use crate::element::{Activity, Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::{Device, DeviceUse, Host, HostError};
use crate::language::{Arguments, Value, parse_boolean};
use crate::packet::Packet;

manual! {
    /// Receives frames from a device.
    ///
    /// A device is a network interface (`eth0`), or one of these: `tap:NAME` makes a TAP interface,
    /// `loop:NAME` gives back what ToDevice sends there, `pcap:IN:OUT` reads and writes captures (either
    /// may be missing), `trace:FILE:DEVICE` writes everything that passes into a capture, and
    /// `fault:drop=0.1,corrupt=0.1,reorder=0.1,delay=5ms,seed=1:DEVICE` does with that probability what
    /// networks do. A number stands for what `bpfclick --device N=DEVICE` says.
    ///
    /// A frame's time is when the system received it; its packet type says whether it goes to this
    /// machine, to another one, or to many.
    ///
    /// # Configuration
    /// `FromDevice([DEVNAME, BURST, keywords PROMISC, FANOUT, ACTIVE])`
    /// - DEVNAME: the device; 0 by default.
    /// - BURST: frames in a row; 32 by default.
    /// - PROMISC: whether an interface receives frames to other machines; false by default.
    /// - FANOUT: a number from 1 to 65535; all that receive from an interface under one number, in any
    ///   process, share its frames, those of one flow going to one of them.
    /// - ACTIVE: whether it receives; true by default.
    ///
    /// # Ports
    /// No input, one push output.
    ///
    /// # Handlers
    /// - `count` (read): frames received.
    /// - `oversize` (read): frames dropped because they are longer than the platform takes.
    /// - `reset_counts` (write): sets both to 0.
    /// - `active` (read, write): ACTIVE.
    /// - `device` (read): DEVNAME.
    /// - `reset` (write): does nothing; devices are asked all the time.
    ///
    /// # Example
    /// ```click
    /// FromDevice(loop:a) -> Counter -> Discard;
    /// InfiniteSource(LIMIT 5) -> ToDevice(loop:a);
    /// ```
    pub(crate) struct FromDevice {
        name: String,
        usage: DeviceUse,
        burst: u64,
        active: bool,
        count: u64,
        oversize: u64,
        device: Option<Box<dyn Device>>,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "FromDevice",
    manual: FromDevice::MANUAL,
    inputs: Side::NONE,
    outputs: Side::exactly(1, Processing::Push),
    keywords: &["DEVNAME", "BURST", "PROMISC", "FANOUT", "ACTIVE"],
    handlers: &[
        Handler::read("count"),
        Handler::read("oversize"),
        Handler::write("reset_counts"),
        Handler::read_write("active"),
        Handler::read("device"),
        Handler::write("reset"),
    ],
    configure,
};

/// Frames in a row where the configuration does not say: as many as Click takes from a NIC.
const DEFAULT_BURST: u64 = 32;

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let name = arguments.positional("DEVNAME")?;
    let burst = arguments.positional("BURST")?;
    let fanout = arguments.keyword("FANOUT")?;
    Ok(Box::new(FromDevice {
        name: name.map_or_else(|| Ok("0".into()), Value::string)?,
        usage: DeviceUse::Receive {
            promiscuous: arguments.boolean("PROMISC", false)?,
            fanout: fanout.map(read_fanout).transpose()?,
        },
        burst: burst.map_or(Ok(DEFAULT_BURST), Value::positive)?,
        active: arguments.boolean("ACTIVE", true)?,
        count: 0,
        oversize: 0,
        device: None,
    }))
}

fn read_fanout(value: Value<'_>) -> Result<u16, ConfigError> {
    let number = u16::try_from(value.positive()?);
    number.map_err(|_| value.refuse("a number from 1 to 65535"))
}

impl Element for FromDevice {
    fn push(&mut self, _: usize, _: Packet, _: &mut Context<'_>) -> Result<(), HostError> {
        Ok(())
    }

    fn open_outputs(&mut self, host: &mut dyn Host) -> Result<(), HostError> {
        self.device = Some(host.open_device(&self.name, self.usage)?);
        Ok(())
    }

    fn run(&mut self, context: &mut Context<'_>) -> Result<Activity, HostError> {
        self.run_many(1, context).map(|(_, activity)| activity)
    }

    fn run_many(
        &mut self,
        most: u64,
        context: &mut Context<'_>,
    ) -> Result<(u64, Activity), HostError> {
        let Some(device) = self.device.as_mut().filter(|_| self.active) else {
            return Ok((1, Activity::Idle));
        };
        let now_ns = context.host.clock_ns();
        for done in 1..=most {
            let Some(frame) = device.receive(now_ns)? else {
                let next_ns = device.next_ns();
                return Ok((done, next_ns.map_or(Activity::Idle, Activity::Waiting)));
            };
            match context.make(frame.bytes) {
                Ok(mut packet) => {
                    packet.annotations.rx_time_ns = frame.time_ns;
                    packet.notes.packet_type = frame.packet_type;
                    self.count = self.count.saturating_add(1);
                    context.push(0, packet);
                }
                Err(_) => self.oversize = self.oversize.saturating_add(1),
            }
        }
        Ok((most, Activity::Working))
    }

    fn finish(&mut self) -> Result<(), HostError> {
        match &mut self.device {
            Some(device) => device.finish(),
            None => Ok(()),
        }
    }

    fn burst(&self) -> u64 {
        self.burst
    }

    fn read(&self, handler: &str) -> Option<String> {
        match handler {
            "count" => Some(format!("{}", self.count)),
            "oversize" => Some(format!("{}", self.oversize)),
            "active" => Some(format!("{}", self.active)),
            "device" => Some(self.name.clone()),
            _ => None,
        }
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        match handler {
            "reset_counts" => (self.count, self.oversize) = (0, 0),
            "active" => self.active = parse_boolean(value)?,
            "reset" => {}
            _ => return None,
        }
        Some(())
    }
}
