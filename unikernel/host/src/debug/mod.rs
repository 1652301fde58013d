//! `bpfclick run`: one program over a capture, without a configuration, a statement or a proof.
//!
//! It is there to see what a program does: the reference interpreter runs it and checks every
//! access, so that a program that is not verified can do no harm. The clock is that of the capture
//! and random numbers follow from a seed, so that a run can be repeated.

mod report;
mod show;
mod trace;

use core::cell::RefCell;
use std::fs;
use std::io::BufReader;
use std::path::PathBuf;

use bpf_object::{Image, Object, ParseOptions, Program};
use bpf_runtime::{
    DeterministicEnvironment, Environment, Fault, Instance, MapChange, Maps, Packet,
};
use click_graph::HostError;
use click_graph::host::{DumpFormat, DumpReader as _, DumpWriter, Record};
use platform_click::{ProgramKind, filter, limits, rewriter};

use crate::dump::{PcapReader, PcapWriter};
use crate::{Error, files};

pub use report::{DebugReport, Faults, MapContents};
pub(crate) use show::printed;
use trace::{Tracer, Watcher};

/// How a program is to be run.
#[derive(Clone, Debug)]
pub struct DebugOptions {
    /// The object.
    pub object: PathBuf,
    /// Its program; may be left out where there is one.
    pub program: Option<String>,
    /// The kind of programs in a section of the old name `bpffilter`.
    pub bpffilter: ProgramKind,
    /// The capture whose packets it gets.
    pub input: PathBuf,
    /// Where packets go that it does not drop.
    pub output: Option<PathBuf>,
    /// The packet, from 1, for which every instruction is shown.
    pub traced_packet: Option<u64>,
    /// Instructions that the program may execute for one packet.
    pub fuel: u64,
    /// What random numbers, hashes and addresses follow from.
    pub seed: u64,
}

/// Runs a program, hands every line of a trace to `trace`, and every line that the program prints to
/// `talk`.
///
/// # Errors
/// The object or a capture cannot be read, or the output not be written.
pub fn debug(
    options: &DebugOptions,
    trace: &mut dyn FnMut(&str),
    talk: &mut dyn FnMut(&str),
) -> Result<DebugReport, Error> {
    let name = options.object.display().to_string();
    let bytes = files::read(&name, limits::MAX_OBJECT_SIZE).map_err(HostError::from)?;
    let object_error = |error| Error::Object {
        name: name.clone(),
        error: Box::new(error),
    };
    let parse = ParseOptions {
        bpffilter: options.bpffilter,
    };
    let object = Object::parse(&bytes, parse).map_err(object_error)?;
    let program = choose(&object, options.program.as_deref(), &name)?;
    let image = object.link(program).map_err(object_error)?;
    let secret = [options.seed, !options.seed];
    let load = |reason: String| Error::Load {
        name: name.clone(),
        reason,
    };
    let maps = Maps::new(image.maps(), secret).map_err(|error| load(error.to_string()))?;
    let mut instance = Instance::new(&image, maps).map_err(|error| load(error.to_string()))?;
    instance.set_address_seed(options.seed);
    let mut session = Session {
        image: &image,
        instance,
        report: DebugReport::new(&name, program.name(), image.kind()),
        trace,
        talk,
        random: DeterministicEnvironment::new(options.seed),
        options,
    };
    session.run()?;
    let Session {
        instance,
        mut report,
        ..
    } = session;
    report.maps = report::contents(instance.maps());
    Ok(report)
}

fn choose<'a>(object: &'a Object, wanted: Option<&str>, name: &str) -> Result<&'a Program, Error> {
    let found = match (wanted, object.programs()) {
        (Some(wanted), _) => object.program(wanted),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    found.ok_or_else(|| Error::Program {
        name: name.into(),
        wanted: wanted.map(Into::into),
        there_are: object.programs().iter().map(|p| p.name().into()).collect(),
    })
}

/// A program between its packets.
struct Session<'a> {
    image: &'a Image,
    instance: Instance,
    report: DebugReport,
    trace: &'a mut dyn FnMut(&str),
    talk: &'a mut dyn FnMut(&str),
    random: DeterministicEnvironment,
    options: &'a DebugOptions,
}

impl Session<'_> {
    fn run(&mut self) -> Result<(), Error> {
        let name = self.options.input.display().to_string();
        let file = fs::File::open(&self.options.input).map_err(|error| HostError::Unreadable {
            name: name.clone(),
            reason: error.to_string(),
        })?;
        let mut capture = PcapReader::new(&name, Box::new(BufReader::new(file)))?;
        let mut written = self.create(DumpFormat {
            encapsulation: capture.encapsulation(),
            // A rewriter may have made packets longer than those of the capture.
            snaplen: u32::try_from(limits::MAX_PACKET_SIZE).unwrap_or(u32::MAX),
        })?;
        while let Some(record) = capture.next_record()? {
            self.report.packets = self.report.packets.saturating_add(1);
            let Ok(mut packet) = Packet::new(record.bytes) else {
                self.report.too_long = self.report.too_long.saturating_add(1);
                continue;
            };
            packet.annotations.rx_time_ns = record.timestamp_ns;
            let passed = self.packet(&mut packet);
            if let Some(written) = written.as_mut().filter(|_| passed) {
                written.write_record(Record {
                    timestamp_ns: record.timestamp_ns,
                    original_len: packet.len(),
                    bytes: packet.bytes(),
                })?;
            }
        }
        match written {
            Some(mut written) => Ok(written.finish()?),
            None => Ok(()),
        }
    }

    fn create(&self, format: DumpFormat) -> Result<Option<PcapWriter>, HostError> {
        let Some(path) = &self.options.output else {
            return Ok(None);
        };
        let name = path.display().to_string();
        let unwritable = |reason: String| HostError::Unwritable {
            name: name.clone(),
            reason,
        };
        let is_input = fs::canonicalize(path)
            .is_ok_and(|output| fs::canonicalize(&self.options.input).is_ok_and(|i| i == output));
        if is_input {
            return Err(unwritable("it is the capture that is read".into()));
        }
        let file = fs::File::create(path).map_err(|error| unwritable(error.to_string()))?;
        PcapWriter::new(&name, Box::new(std::io::BufWriter::new(file)), format).map(Some)
    }

    /// Runs the program on a packet; whether the packet goes on.
    fn packet(&mut self, packet: &mut Packet) -> bool {
        let number = self.report.packets;
        let mut watched = Watched {
            clock_ns: packet.annotations.rx_time_ns,
            random: &mut self.random,
            talk: self.talk,
            changes: None,
        };
        let ran = if self.options.traced_packet == Some(number) {
            let addresses = self.instance.addresses();
            let mut tracer = Tracer::new(self.image, addresses, self.trace);
            tracer.packet(number, packet.len());
            let tracer = RefCell::new(tracer);
            watched.changes = Some(&tracer);
            let ran = self.instance.run_observed(
                packet,
                &mut watched,
                self.options.fuel,
                &mut Watcher(&tracer),
            );
            tracer.borrow_mut().end(&ran, self.image.kind());
            ran
        } else {
            self.instance.run(packet, &mut watched, self.options.fuel)
        };
        match ran {
            Ok(outcome) => self.verdict(outcome.value),
            Err(fault) => {
                self.fault(number, &fault);
                false
            }
        }
    }

    fn verdict(&mut self, value: u64) -> bool {
        let kind = self.image.kind();
        let verdict = verdict_name(kind, value);
        let count = self.report.verdicts.entry(verdict).or_default();
        *count = count.saturating_add(1);
        match kind {
            ProgramKind::Filter => value == filter::PASS,
            ProgramKind::Rewriter => value == rewriter::SUCCESS,
            ProgramKind::Classifier => value < ProgramKind::CLASSIFIER_DROP,
            ProgramKind::Control => value == 1,
        }
    }

    fn fault(&mut self, packet: u64, fault: &Fault) {
        let faults = &mut self.report.faults;
        faults.count = faults.count.saturating_add(1);
        if faults.first.is_none() {
            faults.first = Some((packet, show::fault(self.image, fault)));
        }
    }
}

/// A return value in words.
fn verdict_name(kind: ProgramKind, value: u64) -> String {
    let name = match (kind, value) {
        (ProgramKind::Filter, filter::ABORT) | (ProgramKind::Rewriter, rewriter::ABORT) => "abort",
        (ProgramKind::Filter, filter::DROP)
        | (ProgramKind::Classifier, ProgramKind::CLASSIFIER_DROP) => "drop",
        (ProgramKind::Filter, filter::PASS) => "pass",
        (ProgramKind::Rewriter, rewriter::SUCCESS) => "success",
        (ProgramKind::Control, 0) => "refuse",
        (ProgramKind::Control, 1) => "allow",
        (ProgramKind::Classifier, output) if output < ProgramKind::CLASSIFIER_DROP => {
            return format!("output {output}");
        }
        _ => return format!("{value}, which a {kind} may not return"),
    };
    name.into()
}

/// What a program sees of the world: the capture's clock, and random numbers of a seed.
struct Watched<'a, 'b> {
    clock_ns: u64,
    random: &'a mut DeterministicEnvironment,
    talk: &'a mut dyn FnMut(&str),
    changes: Option<&'a RefCell<Tracer<'b>>>,
}

impl Environment for Watched<'_, '_> {
    fn clock_ns(&mut self) -> u64 {
        self.clock_ns
    }

    fn random_u32(&mut self) -> u32 {
        self.random.random_u32()
    }

    fn trace(&mut self, text: &str) {
        let line = format!("trace: {}", printed(text));
        match self.changes {
            Some(tracer) => tracer.borrow_mut().note(&line),
            None => (self.talk)(&line),
        }
    }

    fn changed(&mut self, change: &MapChange<'_>) {
        if let Some(tracer) = self.changes {
            tracer.borrow_mut().change(change);
        }
    }
}
