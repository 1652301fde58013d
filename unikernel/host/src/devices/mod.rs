//! Devices of a Linux process: interfaces, TAP interfaces, captures, and what can be put around them.
//!
//! Everything that needs `unsafe` is in `ring`: the memory that a socket shares with the kernel.

mod capture;
mod fault;
mod interface;
mod local;
mod name;
mod ring;
mod tap;
mod trace;

use core::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use bpf_runtime::PacketType;
use click_graph::HostError;
use click_graph::host::{Device, DeviceUse, Frame};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use name::{DeviceName, Kind};

/// A number for [`Frame`]s that nobody knows the time of but the system.
const WHEN_THE_SYSTEM_SAYS: u64 = u64::MAX;

/// The devices of a process, by name.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    /// What numbers stand for.
    numbers: BTreeMap<String, String>,
    /// Devices that several elements send to.
    senders: BTreeMap<String, Shared>,
    taps: BTreeMap<String, tap::Tap>,
    local: BTreeMap<String, local::Wire>,
    /// What can be waited for.
    waiting: Vec<OwnedFd>,
    /// Whether something was opened that other programs see too.
    opened: bool,
}

/// What is needed to open capture files.
pub(crate) trait Captures {
    /// See [`click_graph::Host::open_dump`].
    fn read(&mut self, name: &str) -> Result<Box<dyn click_graph::host::DumpReader>, HostError>;

    /// See [`click_graph::Host::create_dump`].
    fn create(&mut self, name: &str) -> Result<Box<dyn click_graph::host::DumpWriter>, HostError>;
}

impl Devices {
    /// Lets a number, or any other name, stand for a device.
    pub(crate) fn name(&mut self, number: String, device: String) {
        self.numbers.insert(number, device);
    }

    /// Whether a device was opened that belongs to the system.
    pub(crate) const fn is_any_open(&self) -> bool {
        self.opened
    }

    /// Opens a device for one use. Elements that send to one device share it.
    pub(crate) fn open(
        &mut self,
        name: &str,
        usage: DeviceUse,
        captures: &mut dyn Captures,
    ) -> Result<Box<dyn Device>, HostError> {
        let target = self.numbers.get(name).cloned();
        let target = target.unwrap_or_else(|| name.into());
        if usage == DeviceUse::Send
            && let Some(shared) = self.senders.get(&target)
        {
            return Ok(Box::new(shared.clone()));
        }
        let parsed = DeviceName::parse(&target).map_err(|reason| failure(name, reason))?;
        let device = self.build(&parsed, usage, captures)?;
        if usage != DeviceUse::Send {
            return Ok(device);
        }
        let shared = Shared(Rc::new(RefCell::new(device)));
        self.senders.insert(target, shared.clone());
        Ok(Box::new(shared))
    }

    fn build(
        &mut self,
        name: &DeviceName,
        usage: DeviceUse,
        captures: &mut dyn Captures,
    ) -> Result<Box<dyn Device>, HostError> {
        Ok(match &name.kind {
            Kind::Interface(interface) => {
                let opened = interface::Interface::open(interface, usage);
                let device = opened.map_err(|error| failure(interface, error))?;
                self.watch(interface, device.fd().try_clone_to_owned())?;
                Box::new(device)
            }
            Kind::Tap(tap) => Box::new(self.tap(tap)?),
            Kind::Local(wire) => Box::new(self.local.entry(wire.clone()).or_default().clone()),
            Kind::Capture { input, output } => match usage {
                DeviceUse::Receive { .. } => {
                    let input = input.as_deref().map(|input| captures.read(input));
                    Box::new(capture::Input::new(input.transpose()?))
                }
                DeviceUse::Send => {
                    let output = output.as_deref().map(|output| captures.create(output));
                    Box::new(capture::Output::new(output.transpose()?))
                }
            },
            Kind::Trace { file, inner } => {
                let inner = self.build(inner, usage, captures)?;
                // One capture each way: the second one would replace the first.
                let way = match usage {
                    DeviceUse::Receive { .. } => "in",
                    DeviceUse::Send => "out",
                };
                let writer = captures.create(&format!("{file}.{way}"))?;
                Box::new(trace::Traced::new(inner, writer))
            }
            Kind::Fault { faults, inner } => {
                let inner = self.build(inner, usage, captures)?;
                Box::new(fault::Faulty::new(inner, *faults))
            }
        })
    }

    fn tap(&mut self, name: &str) -> Result<tap::Tap, HostError> {
        if !self.taps.contains_key(name) {
            let tap = tap::Tap::open(name).map_err(|error| failure(name, error))?;
            self.watch(name, tap.fd().try_clone_to_owned())?;
            self.taps.insert(name.into(), tap);
        }
        let tap = self.taps.get(name).map(tap::Tap::another);
        let tap = tap.unwrap_or_else(|| Err(io::ErrorKind::NotFound.into()));
        tap.map_err(|error| failure(name, error))
    }

    fn watch(&mut self, name: &str, fd: io::Result<OwnedFd>) -> Result<(), HostError> {
        self.opened = true;
        self.waiting.push(fd.map_err(|error| failure(name, error))?);
        Ok(())
    }

    /// Waits until a frame can be received, or for so long. `false` if there is nothing to wait for.
    pub(crate) fn wait(&self, longest: core::time::Duration) -> bool {
        if self.waiting.is_empty() {
            return false;
        }
        let poll_fd = |fd| PollFd::new(fd, PollFlags::IN);
        let mut fds: Vec<PollFd<'_>> = self.waiting.iter().map(poll_fd).collect();
        let timeout = Timespec::try_from(longest).ok();
        // Interrupted or not, the router looks again.
        let _ = poll(&mut fds, timeout.as_ref());
        true
    }
}

/// Variables for configurations, as the system has them that this one re-creates: `$MAC0` is the
/// hardware address of device 0. What has none gets a local one, which ends in the number.
#[must_use]
pub fn device_variables(devices: &[(String, String)]) -> Vec<(String, String)> {
    let numbered = devices.iter().filter_map(|(number, device)| {
        let last: u8 = number.parse().ok()?;
        let of_system = std::fs::read_to_string(format!("/sys/class/net/{device}/address"));
        let address = of_system.map(|text| text.trim().to_owned());
        let address = address.unwrap_or_else(|_| format!("02:00:00:00:00:{last:02x}"));
        Some((format!("MAC{number}"), address))
    });
    numbered.collect()
}

/// A device of several elements.
#[derive(Clone, Debug)]
struct Shared(Rc<RefCell<Box<dyn Device>>>);

impl Device for Shared {
    /// What several share is for sending.
    fn receive(&mut self, _: u64) -> Result<Option<Frame<'_>>, HostError> {
        Ok(None)
    }

    fn next_ns(&self) -> Option<u64> {
        None
    }

    fn send(&mut self, frame: &[u8], now_ns: u64) -> Result<bool, HostError> {
        self.0.borrow_mut().send(frame, now_ns)
    }

    fn flush(&mut self, now_ns: u64) -> Result<Option<u64>, HostError> {
        self.0.borrow_mut().flush(now_ns)
    }

    fn finish(&mut self) -> Result<(), HostError> {
        self.0.borrow_mut().finish()
    }
}

/// Whom a frame was sent to, as far as its address says. The first bit says that it is for several.
fn packet_type(frame: &[u8]) -> PacketType {
    match frame.get(..6) {
        Some([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]) => PacketType::Broadcast,
        Some([first, ..]) if first & 1 != 0 => PacketType::Multicast,
        _ => PacketType::Host,
    }
}

fn failure(name: &str, reason: impl core::fmt::Display) -> HostError {
    HostError::Device {
        name: name.into(),
        reason: reason.to_string(),
    }
}
