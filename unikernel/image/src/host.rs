//! What a machine gives its router: devices, a clock, random numbers, and the serial line.

use alloc::boxed::Box;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;

use bpf_jit::MachineCode;
use bpf_loader::MemoryStore;
use bpf_object::Image;
use bpf_runtime::Environment;
use click_graph::host::{Device, DeviceUse, DumpFormat, DumpReader, DumpWriter};
use click_graph::{Host, HostError, ProgramSource};
use click_guest::archive::Archive;
use click_guest::text::{Shown, Throttle, harmless};

use crate::clock::Clock;
use crate::code_memory::KernelMemory;
use crate::serial::say;
use crate::virtio::net::Nic;

/// Programs of this machine.
pub(crate) type Programs = click_guest::programs::Programs<'static, MemoryStore, KernelMemory>;

/// The machine as a router sees it.
pub(crate) struct Machine {
    clock: Clock,
    /// The state of a generator of pseudo-random numbers (SplitMix64), which is all that programs are
    /// promised.
    random: u64,
    traced: Throttle,
    /// By number: the name that elements have for a device.
    nics: Vec<Rc<RefCell<Nic>>>,
    archive: Archive<'static>,
    programs: Option<Programs>,
}

impl Machine {
    pub(crate) const fn new(
        clock: Clock,
        seed: u64,
        nics: Vec<Rc<RefCell<Nic>>>,
        archive: Archive<'static>,
    ) -> Self {
        Self {
            clock,
            random: seed,
            traced: Throttle::new(),
            nics,
            archive,
            programs: None,
        }
    }

    /// Lets elements get other programs from here on.
    pub(crate) fn set_programs(&mut self, programs: Programs) {
        self.programs = Some(programs);
    }
}

impl Environment for Machine {
    fn clock_ns(&mut self) -> u64 {
        self.clock.now_ns()
    }

    fn boot_ns(&mut self) -> u64 {
        self.clock.since_start_ns()
    }

    fn random_u32(&mut self) -> u32 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let [_, _, _, _, a, b, c, d] = (mixed ^ (mixed >> 31)).to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    fn trace(&mut self, text: &str) {
        match self.traced.show(self.clock.now_ns()) {
            Shown::Yes => say!("trace: {}", text.escape_debug()),
            Shown::Last => say!("trace: too many lines, some are not shown"),
            Shown::No => {}
        }
    }
}

impl Host for Machine {
    fn open_dump(&mut self, name: &str) -> Result<Box<dyn DumpReader>, HostError> {
        Err(unreadable(name))
    }

    fn create_dump(&mut self, name: &str, _: DumpFormat) -> Result<Box<dyn DumpWriter>, HostError> {
        Err(unwritable(name))
    }

    fn open_device(&mut self, name: &str, usage: DeviceUse) -> Result<Box<dyn Device>, HostError> {
        let error = |reason: String| HostError::Device {
            name: name.into(),
            reason,
        };
        let number = name.parse::<usize>().ok();
        let nic = number.and_then(|number| self.nics.get(number));
        let nic = nic.ok_or_else(|| {
            error(format!("the machine has {} devices, numbered from 0", self.nics.len()))
        })?;
        let nic = &mut *nic.borrow_mut();
        match usage {
            DeviceUse::Receive { .. } => match nic.receiver.take() {
                Some(receiver) => Ok(Box::new(receiver)),
                None => Err(error("something else receives from it".into())),
            },
            DeviceUse::Send => Ok(Box::new(nic.sender())),
        }
    }

    fn write_code(&mut self, name: &str, _: &Image, _: &MachineCode) -> Result<(), HostError> {
        Err(unwritable(name))
    }

    fn output(&mut self, text: &str) {
        self.message(text.trim_end_matches('\n'));
    }

    fn write_file(&mut self, name: &str, _: &str, _: bool) -> Result<(), HostError> {
        Err(unwritable(name))
    }

    fn read_file(&mut self, name: &str) -> Result<Vec<u8>, HostError> {
        let file = self.archive.file(name).map(<[u8]>::to_vec);
        file.ok_or_else(|| unreadable(name))
    }

    fn wait_until(&mut self, _: u64) {
        core::hint::spin_loop();
    }

    fn programs(&mut self) -> Option<&mut dyn ProgramSource> {
        Some(self.programs.as_mut()?)
    }

    fn message(&mut self, line: &str) {
        say!("{}", harmless(line));
    }
}

fn unreadable(name: &str) -> HostError {
    HostError::Unreadable {
        name: name.into(),
        reason: "the module has no such file".into(),
    }
}

fn unwritable(name: &str) -> HostError {
    HostError::Unwritable {
        name: name.into(),
        reason: "the machine has no file system".into(),
    }
}
