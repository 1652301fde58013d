//! The PCI bus.

use alloc::vec::Vec;

use virtio_drivers::transport::SomeTransport;
use virtio_drivers::transport::pci::bus::{
    Command, ConfigurationAccess, DeviceFunction, PciRoot,
};
use virtio_drivers::transport::pci::{PciTransport, virtio_device_type};

use super::{Machine, Transport};
use crate::port::Port;
use crate::serial::say;

// SAFETY: the bus' address register (mechanism 1 of the PCI specification) knows no memory.
const ADDRESS: Port = unsafe { Port::new(0xcf8) };
// SAFETY: configuration registers decide where devices' registers lie and whether they may access memory.
// Only devices of virtio are told to, and they do so only through queues that their drivers set up.
const DATA: Port = unsafe { Port::new(0xcfc) };

/// Access to configuration registers.
struct Ports;

impl Ports {
    fn select(function: DeviceFunction, register: u8) {
        let DeviceFunction {
            bus,
            device,
            function,
        } = function;
        let [bus, device, function, register] = [bus, device, function, register].map(u32::from);
        ADDRESS.write32(1 << 31 | bus << 16 | device << 11 | function << 8 | register);
    }
}

impl ConfigurationAccess for Ports {
    fn read_word(&self, function: DeviceFunction, register: u8) -> u32 {
        Self::select(function, register);
        DATA.read32()
    }

    fn write_word(&mut self, function: DeviceFunction, register: u8, value: u32) {
        Self::select(function, register);
        DATA.write32(value);
    }

    unsafe fn unsafe_clone(&self) -> Self {
        Self
    }
}

/// The devices of virtio on the first bus. `None` where there is no bus.
pub(super) fn find() -> Option<Vec<Transport>> {
    let host_bridge = DeviceFunction {
        bus: 0,
        device: 0,
        function: 0,
    };
    if Ports.read_word(host_bridge, 0) == u32::MAX {
        return None;
    }
    let mut root = PciRoot::new(Ports);
    let functions: Vec<_> = root.enumerate_bus(0).collect();
    let mut found = Vec::new();
    for (function, info) in functions {
        if virtio_device_type(&info).is_none() {
            continue;
        }
        let command = Command::IO_SPACE | Command::MEMORY_SPACE | Command::BUS_MASTER;
        root.set_command(function, command);
        match PciTransport::new::<Machine, _>(&mut root, function) {
            Ok(transport) => found.push(SomeTransport::Pci(transport)),
            Err(error) => say!("the device at PCI {function} does not work: {error}"),
        }
    }
    Some(found)
}
