//! What a Linux process gives its router: files, a clock, random numbers, and a place for messages.

use core::cmp::Ordering;
use core::time::Duration;
use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bpf_jit::MachineCode;
use bpf_object::Image;
use bpf_runtime::Environment;
use click_graph::host::{
    Device, DeviceUse, DumpFormat, DumpReader, DumpWriter, Encapsulation, Listener, SocketAddress,
};
use click_graph::{Finished, Host, HostError, ProgramSource, Replaced, Replacement};
use platform_click::limits::MAX_PACKET_SIZE;
use rustix::time::{ClockId, DynamicClockId, Timespec, clock_gettime, clock_gettime_dynamic};

use crate::background::Background;
use crate::debug::printed;
use crate::devices::{Captures, Devices};
use crate::disassembly;
use crate::dump::{PcapReader, PcapWriter};
use crate::files;
use crate::programs::Programs;
use crate::random::Random;
use crate::sockets;

/// Lines that programs may print with `bpf_trace_printk` in [`TRACE_WINDOW`]: enough to find an error,
/// and too few to slow down whoever reads them, or to fill a disk in a day, when every packet prints.
const MAX_TRACE_LINES: u32 = 100;

/// After so long, as many lines are shown again.
const TRACE_WINDOW: Duration = Duration::from_secs(1);

/// Bytes of a text file that an element reads: a trace of a hundred thousand packets.
const MAX_TEXT: usize = 16 << 20;

/// How long the process sleeps at most before it looks whether it is to stop.
const LONGEST_WAIT: Duration = Duration::from_millis(50);

/// Where goes what a router has to say.
pub trait Console {
    /// A line for whoever watches.
    fn message(&mut self, line: &str);

    /// A part of what the router is to give out, as scripts do.
    fn output(&mut self, text: &str);
}

/// A function gets everything alike.
impl<F: FnMut(&str)> Console for F {
    fn message(&mut self, line: &str) {
        self(line);
    }

    fn output(&mut self, text: &str) {
        self(text);
    }
}

/// A clock.
enum Clock {
    /// When it was set, by the calendar and by itself.
    Real(Duration, Instant),
    /// It stands, and jumps to the time that is waited for.
    Simulated(u64),
}

/// The process as a router sees it.
pub(crate) struct LinuxHost<'a> {
    console: &'a mut dyn Console,
    random: Random,
    clock: Clock,
    /// Lines traced since this moment, shown or not.
    traced: (u32, Instant),
    /// Device and inode of every capture that is open: none is read and written at once.
    open: BTreeSet<(u64, u64)>,
    /// Programs for elements that get another one while the router runs.
    programs: Option<Programs>,
    /// The thread that prepares them, from when there is something to do for it.
    background: Option<Background>,
    devices: Devices,
}

impl<'a> LinuxHost<'a> {
    /// A host whose clock is the system's, or begins at `simulated_ns` and is none.
    pub(crate) fn new(
        console: &'a mut dyn Console,
        simulated_ns: Option<u64>,
    ) -> Result<Self, getrandom::Error> {
        let since_1970 = || SystemTime::now().duration_since(UNIX_EPOCH);
        let real = || Clock::Real(since_1970().unwrap_or_default(), Instant::now());
        Ok(Self {
            console,
            random: Random::new()?,
            clock: simulated_ns.map_or_else(real, Clock::Simulated),
            traced: (0, Instant::now()),
            open: BTreeSet::new(),
            programs: None,
            background: None,
            devices: Devices::default(),
        })
    }

    /// Lets a number, or any other name, stand for a device.
    pub(crate) fn name_device(&mut self, number: String, device: String) {
        self.devices.name(number, device);
    }

    /// Whether a device was opened that belongs to the system.
    pub(crate) const fn has_devices(&self) -> bool {
        self.devices.is_any_open()
    }

    /// Lets elements get other programs from here on.
    pub(crate) fn set_programs(&mut self, programs: Programs) {
        self.programs = Some(programs);
    }

    fn background(&mut self) -> Option<&Background> {
        if self.background.is_none() {
            self.background = Background::start(self.programs.clone()?);
        }
        self.background.as_ref()
    }

    fn remember(&mut self, metadata: &Metadata) {
        if metadata.is_file() {
            self.open.insert((metadata.dev(), metadata.ino()));
        }
    }

    fn create(&mut self, name: &str) -> io::Result<Box<dyn Write>> {
        if name == "-" {
            return Ok(Box::new(io::stdout()));
        }
        // Creating a file empties it, so this comes first.
        let existing = fs::metadata(name).ok();
        if existing.is_some_and(|file| self.open.contains(&(file.dev(), file.ino()))) {
            return Err(io::Error::other("another element uses the file"));
        }
        let file = File::create(name)?;
        self.remember(&file.metadata()?);
        Ok(Box::new(BufWriter::new(file)))
    }

    fn open(&mut self, name: &str) -> io::Result<Box<dyn Read>> {
        if name == "-" {
            return Ok(Box::new(io::stdin()));
        }
        let file = File::open(name)?;
        self.remember(&file.metadata()?);
        Ok(Box::new(BufReader::new(file)))
    }
}

impl Captures for LinuxHost<'_> {
    fn read(&mut self, name: &str) -> Result<Box<dyn DumpReader>, HostError> {
        self.open_dump(name)
    }

    fn create(&mut self, name: &str) -> Result<Box<dyn DumpWriter>, HostError> {
        let format = DumpFormat {
            encapsulation: Encapsulation::Ether,
            snaplen: u32::try_from(MAX_PACKET_SIZE).unwrap_or(u32::MAX),
        };
        self.create_dump(name, format)
    }
}

impl Environment for LinuxHost<'_> {
    /// The time since 1970 when the router was made, and from then on a clock that nobody sets.
    fn clock_ns(&mut self) -> u64 {
        match self.clock {
            Clock::Real(since_1970, then) => {
                let now = since_1970.saturating_add(then.elapsed());
                u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
            }
            Clock::Simulated(now_ns) => now_ns,
        }
    }

    fn boot_ns(&mut self) -> u64 {
        since_zero(clock_gettime(ClockId::Boottime))
    }

    fn tai_ns(&mut self) -> u64 {
        // Linux has this clock since 3.10.
        let tai = clock_gettime_dynamic(DynamicClockId::Tai);
        since_zero(tai.unwrap_or_else(|_| clock_gettime(ClockId::Realtime)))
    }

    fn random_u32(&mut self) -> u32 {
        self.random.next_u32()
    }

    /// A text is one line, whatever is in it: it cannot be taken for another message.
    fn trace(&mut self, text: &str) {
        let (traced, since) = &mut self.traced;
        if since.elapsed() >= TRACE_WINDOW {
            (*traced, *since) = (0, Instant::now());
        }
        *traced = traced.saturating_add(1);
        match (*traced).cmp(&MAX_TRACE_LINES.saturating_add(1)) {
            Ordering::Less => self.message(&format!("trace: {}", printed(text))),
            Ordering::Equal => self.message("trace: too many lines, some are not shown"),
            Ordering::Greater => {}
        }
    }
}

impl Host for LinuxHost<'_> {
    fn open_dump(&mut self, name: &str) -> Result<Box<dyn DumpReader>, HostError> {
        let unreadable = |error: io::Error| HostError::Unreadable {
            name: name.into(),
            reason: error.to_string(),
        };
        // What can be read twice is: a capture that is damaged somewhere changes nothing then.
        if fs::metadata(name).is_ok_and(|file| file.is_file()) {
            let file = File::open(name).map_err(unreadable)?;
            PcapReader::new(name, Box::new(BufReader::new(file)))?.expect_whole()?;
        }
        let file = self.open(name).map_err(unreadable)?;
        Ok(Box::new(PcapReader::new(name, file)?))
    }

    fn create_dump(
        &mut self,
        name: &str,
        format: DumpFormat,
    ) -> Result<Box<dyn DumpWriter>, HostError> {
        let file = self.create(name).map_err(|error| HostError::Unwritable {
            name: name.into(),
            reason: error.to_string(),
        })?;
        Ok(Box::new(PcapWriter::new(name, file, format)?))
    }

    fn write_code(
        &mut self,
        name: &str,
        image: &Image,
        code: &MachineCode,
    ) -> Result<(), HostError> {
        let unwritable = |error: io::Error| HostError::Unwritable {
            name: name.into(),
            reason: error.to_string(),
        };
        let mut file = self.create(name).map_err(unwritable)?;
        let text = disassembly::text(image, code);
        file.write_all(text.as_bytes()).map_err(unwritable)?;
        file.flush().map_err(unwritable)
    }

    fn listen(&mut self, address: &SocketAddress) -> Result<Box<dyn Listener>, HostError> {
        sockets::listen(address)
    }

    fn output(&mut self, text: &str) {
        self.console.output(text);
    }

    fn write_file(&mut self, name: &str, text: &str, append: bool) -> Result<(), HostError> {
        let unwritable = |error: io::Error| HostError::Unwritable {
            name: name.into(),
            reason: error.to_string(),
        };
        let mut options = File::options();
        let options = options.create(true).write(true);
        let options = options.append(append).truncate(!append);
        let mut file = options.open(name).map_err(unwritable)?;
        file.write_all(text.as_bytes()).map_err(unwritable)
    }

    fn read_file(&mut self, name: &str) -> Result<Vec<u8>, HostError> {
        if name == "-" {
            return files::read_stdin(MAX_TEXT);
        }
        Ok(files::read(name, MAX_TEXT)?)
    }

    fn process_id(&self) -> u32 {
        std::process::id()
    }

    fn wait_until(&mut self, time_ns: u64) {
        if let Clock::Simulated(now_ns) = &mut self.clock {
            *now_ns = time_ns.max(*now_ns);
            return;
        }
        let left = Duration::from_nanos(time_ns.saturating_sub(self.clock_ns()));
        let left = left.min(LONGEST_WAIT);
        if !self.devices.wait(left) {
            std::thread::sleep(left);
        }
    }

    fn open_device(&mut self, name: &str, usage: DeviceUse) -> Result<Box<dyn Device>, HostError> {
        let mut devices = core::mem::take(&mut self.devices);
        let opened = devices.open(name, usage, self);
        self.devices = devices;
        opened
    }

    fn programs(&mut self) -> Option<&mut dyn ProgramSource> {
        let programs = self.programs.as_mut()?;
        Some(programs)
    }

    fn in_background(&mut self, replacement: Replacement) -> Result<(), Box<Replacement>> {
        match self.background() {
            Some(background) => background.prepare(replacement),
            None => Err(Box::new(replacement)),
        }
    }

    fn finished(&mut self) -> Option<Finished> {
        self.background.as_ref()?.finished()
    }

    fn discard(&mut self, replaced: Replaced) {
        if let Some(background) = self.background() {
            background.discard(replaced);
        }
    }

    /// Control characters, which programs and configurations may hold, do not reach the terminal.
    fn message(&mut self, line: &str) {
        let harmless = |c: char| match c {
            '\t' | '\n' => c,
            c if c.is_control() => char::REPLACEMENT_CHARACTER,
            c => c,
        };
        self.console
            .message(&line.chars().map(harmless).collect::<String>());
    }
}

/// A time of one of the system's clocks in nanoseconds.
fn since_zero(time: Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds)
}
