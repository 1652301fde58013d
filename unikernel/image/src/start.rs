//! From a machine with memory to packets that flow.

use alloc::boxed::Box;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::cell::RefCell;

use bpf_loader::{InstanceId, MemoryStore, Snapshot};
use bpf_statement::UnixTime;
use click_graph::{Config, ConfigError, Progress, Router, RunError, Source};
use click_guest::archive::{Archive, ArchiveError};
use click_guest::layout::TooLittleMemory;
use click_guest::page_table::MapError;
use click_guest::programs::{RootError, TRUST, Trusted, trust_of};
use click_guest::root::{self, Root};
use click_guest::settings::{Settings, SettingsError};
use click_guest::start_info::{StartError, StartInfo};
use click_guest::text::harmless;
use platform_click::Code;
use virtio_drivers::transport::DeviceType;

use crate::clock::{Clock, Measurement};
use crate::code_memory::KernelMemory;
use crate::exit::exit;
use crate::host::{Machine, Programs};
use crate::serial::say;
use crate::virtio::net::Nic;
use crate::virtio::{self, Transport};
use crate::{entropy, fw_cfg, heap, memory, probe};

/// The configuration of an archive.
const CONFIG: &str = "config.click";

/// Whom the image trusts: `bpfclick vm` writes it into the image.
static ROOT: Root = root::empty();

/// Why the machine ends.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("what is free behind the image is not the largest piece of memory")]
    Scattered,
    #[error(transparent)]
    Memory(#[from] TooLittleMemory),
    #[error(transparent)]
    Map(#[from] MapError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("the processor's counter cannot be measured")]
    Clock,
    #[error("there is neither a device for random numbers nor an instruction")]
    Entropy,
    #[error("network device {0}: {1}")]
    Device(usize, String),
    #[error("there is no module")]
    NoModule,
    #[error("the module has no `{0}`")]
    Missing(&'static str),
    #[error("the module: {0}")]
    Archive(#[from] ArchiveError),
    #[error("`{CONFIG}` is not UTF-8")]
    NotText,
    #[error(transparent)]
    Root(#[from] RootError),
    /// With the text that shows the place.
    #[error("{1}")]
    Config(Code, String),
    #[error("{0}")]
    Run(RunError),
}

impl Failure {
    fn code(&self) -> Code {
        use click_guest::codes;
        match self {
            Self::Start(_) | Self::Scattered | Self::Map(_) => codes::START,
            Self::Memory(error) => error.code(),
            Self::Settings(error) => error.code(),
            Self::Clock => codes::CLOCK,
            Self::Entropy => codes::ENTROPY,
            Self::Device(..) => codes::DEVICE,
            Self::NoModule | Self::Missing(_) | Self::NotText => codes::MODULE,
            Self::Archive(error) => error.code(),
            Self::Root(error) => error.code(),
            Self::Config(code, _) => *code,
            Self::Run(error) => error.code(),
        }
    }

    /// Says why the machine ends, and ends it.
    pub(crate) fn report(&self) -> ! {
        let code = self.code();
        match self {
            // It has its code in its first line, and what helps in its last.
            Self::Config(_, text) => say!("{}", harmless(text)),
            _ => {
                let mut text = format!("error[{code}]: {self}");
                let mut cause = core::error::Error::source(self);
                while let Some(error) = cause {
                    text.push_str(": ");
                    text.push_str(&error.to_string());
                    cause = error.source();
                }
                say!("{}", harmless(&text));
                say!("  = help: {}", code.help);
            }
        }
        exit(code.exit)
    }
}

/// Runs the configuration that the module holds, until it stops.
pub(crate) fn run(
    info: &StartInfo,
    measurement: Measurement,
    started: u64,
) -> Result<(), Failure> {
    let settings = Settings::parse(&info.command_line)?;
    let mut devices = virtio::find(&settings.devices);
    let (seed, source) = entropy::gather(&mut devices).ok_or(Failure::Entropy)?;
    let nics = network(&mut devices)?;
    let rate = measurement.end().ok_or(Failure::Clock)?;
    let clock = Clock::new(rate, started);
    if let Some(probe) = &settings.probe {
        probe::run(probe);
    }

    let module = info.modules.first().map(|module| memory::input(*module));
    let module = module.or_else(fw_cfg::module).ok_or(Failure::NoModule)?;
    let archive = Archive::parse(module)?;
    let text = archive.file(CONFIG).ok_or(Failure::Missing(CONFIG))?;
    let text = str::from_utf8(text).map_err(|_| Failure::NotText)?;
    let source_text = Source::new(CONFIG, text);
    let shown = |error: ConfigError| Failure::Config(error.code(), error.render(&source_text));
    let config = Config::parse(&source_text).map_err(shown)?;

    let [instance, a, b, random] = parts(seed);
    let mut programs = Programs {
        trusted: trusted(&archive, instance)?,
        archive: archive.clone(),
        secret: [a, b],
        memory: KernelMemory,
        calendar: Box::new(move || clock.calendar().map(UnixTime::from_secs)),
    };
    let mut machine = Machine::new(clock, random, nics, archive);
    let mut router = Router::new(config, &mut machine, &mut programs).map_err(shown)?;
    machine.set_programs(programs);
    let (used, free) = heap::usage();
    say!(
        "ready: {} us since the start, heap {} KiB used, {} KiB free, {} KiB for objects free, random \
         numbers from {source}",
        clock.since_start_ns() / 1000,
        used / 1024,
        free / 1024,
        memory::free_frames() * 4,
    );
    forward(&mut router, &mut machine, &settings.handlers)
}

/// Moves packets until the router stops, and finishes what it has begun.
fn forward(
    router: &mut Router,
    machine: &mut Machine,
    handlers: &[String],
) -> Result<(), Failure> {
    let mut next_show = 0;
    while router.round(machine).map_err(Failure::Run)? != Progress::Stopped {
        if !handlers.is_empty() {
            show(router, machine, handlers, &mut next_show);
        }
    }
    router.finish().map_err(Failure::Run)?;
    next_show = 0;
    show(router, machine, handlers, &mut next_show);
    say!("stopped");
    Ok(())
}

/// Reads handlers once a second.
fn show(router: &mut Router, machine: &mut Machine, handlers: &[String], next: &mut u64) {
    use bpf_runtime::Environment as _;
    let now = machine.boot_ns();
    if now < *next {
        return;
    }
    *next = now.saturating_add(1_000_000_000);
    for handler in handlers {
        match router.call_read(machine, handler) {
            Ok(value) => say!("{}: {}", harmless(handler), harmless(value.trim_end())),
            Err(error) => say!("{}", harmless(&error.to_string())),
        }
    }
}

/// Network devices, in the order of their hardware addresses: that is the same on every kind of machine.
fn network(devices: &mut Vec<Transport>) -> Result<Vec<Rc<RefCell<Nic>>>, Failure> {
    let mut nics = Vec::new();
    for (number, device) in virtio::take(devices, DeviceType::Network).into_iter().enumerate() {
        let nic = Nic::new(device).map_err(|reason| Failure::Device(number, reason))?;
        nics.push(nic);
    }
    nics.sort_by_key(|nic| nic.address);
    Ok(nics.into_iter().map(|nic| Rc::new(RefCell::new(nic))).collect())
}

/// Whom the machine trusts. Without a trust bundle there are no programs.
fn trusted(archive: &Archive<'_>, instance: u64) -> Result<Option<Trusted<MemoryStore>>, Failure> {
    if archive.file(TRUST).is_none() {
        return Ok(None);
    }
    // SAFETY: a constant of the image. It was written after the image was compiled, so that the compiler
    // does not know it.
    let root = unsafe { (&raw const ROOT).read_volatile() };
    let bundle = trust_of(archive, root::digest(&root))?;
    let mut id = [0; 16];
    if let Some(place) = id.first_chunk_mut() {
        *place = instance.to_le_bytes();
    }
    say!("warning: what is admitted is remembered in memory only");
    let state = MemoryStore::new(Snapshot::new(InstanceId(id), &bundle));
    Ok(Some(Trusted { bundle, state }))
}

/// Four numbers out of 32 random bytes.
fn parts(seed: [u8; 32]) -> [u64; 4] {
    let mut parts = [0; 4];
    for (part, bytes) in parts.iter_mut().zip(seed.chunks_exact(8)) {
        *part = bytes.try_into().map(u64::from_le_bytes).unwrap_or_default();
    }
    parts
}
