//! A host in memory, for tests.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;

use bpf_jit::MachineCode;
use bpf_object::{AluOp, Function, Image, ImageParts, Insn, LineTable, Operand, Reg, Width};
use bpf_runtime::{DeterministicEnvironment, Environment, PacketType};
use bpf_statement::{ExitRange, Name, Symbol};
use platform_click::{Digest, ProgramKind};

use crate::host::{
    Connection, Device, DeviceUse, DumpFormat, DumpReader, DumpWriter, Encapsulation, Frame, Host,
    HostError, Listener, Record, SocketAddress,
};
use crate::language::{Config, Source};
use crate::program::{Facts, Installed, ProgramRequest};
use crate::router::Router;

/// Time and bytes of a packet.
pub(crate) type Packets = Vec<(u64, Vec<u8>)>;

/// Captures by name, and all that was printed.
#[derive(Debug)]
pub(crate) struct MemoryHost {
    pub(crate) inputs: BTreeMap<String, Packets>,
    /// A capture of this name ends in the middle of a packet behind those it has.
    pub(crate) truncated: Option<String>,
    pub(crate) outputs: BTreeMap<String, Rc<RefCell<Packets>>>,
    pub(crate) messages: Vec<String>,
    /// Frames under way on devices.
    devices: BTreeMap<String, Rc<RefCell<VecDeque<Vec<u8>>>>>,
    /// What went to standard output.
    pub(crate) printed: String,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    environment: DeterministicEnvironment,
}

impl MemoryHost {
    /// A host with a capture `in.pcap`.
    pub(crate) fn new(packets: &[&[u8]]) -> Self {
        let packets = packets.iter().zip(1_u64..);
        let packets = packets.map(|(bytes, number)| (number * 1000, bytes.to_vec()));
        Self {
            inputs: BTreeMap::from([("in.pcap".into(), packets.collect())]),
            truncated: None,
            outputs: BTreeMap::new(),
            messages: Vec::new(),
            devices: BTreeMap::new(),
            printed: String::new(),
            files: BTreeMap::new(),
            environment: DeterministicEnvironment::new(1),
        }
    }

    /// The bytes of the packets in a capture that was written.
    pub(crate) fn written(&self, name: &str) -> Vec<Vec<u8>> {
        let packets = self.outputs[name].borrow();
        packets.iter().map(|(_, bytes)| bytes.clone()).collect()
    }
}

impl Environment for MemoryHost {
    fn clock_ns(&mut self) -> u64 {
        self.environment.clock_ns()
    }

    fn random_u32(&mut self) -> u32 {
        self.environment.random_u32()
    }

    fn trace(&mut self, text: &str) {
        self.message(text);
    }
}

impl Host for MemoryHost {
    fn open_dump(&mut self, name: &str) -> Result<Box<dyn DumpReader>, HostError> {
        let packets = self.inputs.get(name).cloned();
        let packets = packets.ok_or_else(|| HostError::Unreadable {
            name: name.into(),
            reason: "not found".into(),
        })?;
        Ok(Box::new(MemoryReader {
            name: name.into(),
            packets,
            next: 0,
            truncated: self.truncated.as_deref() == Some(name),
        }))
    }

    fn create_dump(&mut self, name: &str, _: DumpFormat) -> Result<Box<dyn DumpWriter>, HostError> {
        let packets = Rc::new(RefCell::new(Vec::new()));
        self.outputs.insert(name.into(), packets.clone());
        Ok(Box::new(MemoryWriter(packets)))
    }

    fn write_code(&mut self, _: &str, _: &Image, _: &MachineCode) -> Result<(), HostError> {
        Ok(())
    }

    fn listen(&mut self, _: &SocketAddress) -> Result<Box<dyn Listener>, HostError> {
        Ok(Box::new(Nobody))
    }

    fn output(&mut self, text: &str) {
        self.printed.push_str(text);
    }

    fn write_file(&mut self, name: &str, text: &str, append: bool) -> Result<(), HostError> {
        let file = self.files.entry(name.into()).or_default();
        if !append {
            file.clear();
        }
        file.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn read_file(&mut self, name: &str) -> Result<Vec<u8>, HostError> {
        let bytes = self.files.get(name).cloned();
        bytes.ok_or_else(|| HostError::Unreadable {
            name: name.into(),
            reason: "not found".into(),
        })
    }

    fn open_device(&mut self, name: &str, _: DeviceUse) -> Result<Box<dyn Device>, HostError> {
        Ok(Box::new(Wire {
            frames: self.devices.entry(name.into()).or_default().clone(),
            received: Vec::new(),
        }))
    }

    fn wait_until(&mut self, time_ns: u64) {
        self.environment.now_ns = self.environment.now_ns.max(time_ns);
    }

    fn message(&mut self, line: &str) {
        self.messages.push(line.into());
    }
}

/// A device that gives back what is sent there.
#[derive(Debug)]
struct Wire {
    frames: Rc<RefCell<VecDeque<Vec<u8>>>>,
    received: Vec<u8>,
}

impl Device for Wire {
    fn receive(&mut self, now_ns: u64) -> Result<Option<Frame<'_>>, HostError> {
        let Some(frame) = self.frames.borrow_mut().pop_front() else {
            return Ok(None);
        };
        self.received = frame;
        Ok(Some(Frame {
            bytes: &self.received,
            time_ns: now_ns,
            packet_type: PacketType::Broadcast,
        }))
    }

    fn next_ns(&self) -> Option<u64> {
        None
    }

    /// There is room for three frames.
    fn send(&mut self, frame: &[u8], _: u64) -> Result<bool, HostError> {
        let mut frames = self.frames.borrow_mut();
        let has_room = frames.len() < 3;
        if has_room {
            frames.push_back(frame.to_vec());
        }
        Ok(has_room)
    }

    fn flush(&mut self, _: u64) -> Result<Option<u64>, HostError> {
        Ok(None)
    }

    fn finish(&mut self) -> Result<(), HostError> {
        Ok(())
    }
}

/// Nobody ever connects.
#[derive(Debug)]
struct Nobody;

impl Listener for Nobody {
    fn accept(&mut self) -> Result<Option<Box<dyn Connection>>, HostError> {
        Ok(None)
    }
}

#[derive(Debug)]
struct MemoryReader {
    name: String,
    packets: Packets,
    next: usize,
    truncated: bool,
}

impl DumpReader for MemoryReader {
    fn encapsulation(&self) -> Encapsulation {
        Encapsulation::Ether
    }

    fn next_record(&mut self) -> Result<Option<Record<'_>>, HostError> {
        let Some((timestamp_ns, bytes)) = self.packets.get(self.next) else {
            return match self.truncated {
                false => Ok(None),
                true => Err(HostError::BadRecord {
                    name: self.name.clone(),
                    number: 3,
                    offset: 100,
                    reason: "the file ends within the packet".into(),
                }),
            };
        };
        self.next += 1;
        Ok(Some(Record {
            timestamp_ns: *timestamp_ns,
            original_len: bytes.len(),
            bytes,
        }))
    }
}

#[derive(Debug)]
struct MemoryWriter(Rc<RefCell<Packets>>);

impl DumpWriter for MemoryWriter {
    fn write_record(&mut self, record: Record<'_>) -> Result<(), HostError> {
        let packet = (record.timestamp_ns, record.bytes.to_vec());
        self.0.borrow_mut().push(packet);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), HostError> {
        Ok(())
    }
}

/// Makes a router whose programs come from `image`, without admission, or fails with the error as a
/// user sees it.
pub(crate) fn router_with(
    text: &str,
    host: &mut MemoryHost,
    image: impl Fn(&ProgramRequest) -> (Image, Facts),
) -> Result<Router, String> {
    let source = Source::new("test", text);
    let install = |router: &mut Router, _: &mut dyn Host| {
        let requests = router.program_requests();
        let programs: Vec<_> = requests
            .map(|(index, request)| (index, image(request)))
            .collect();
        for (index, (image, facts)) in programs {
            let program = Installed::for_test(&image, facts);
            router.runner_mut(index).unwrap().install(program);
        }
        Ok(())
    };
    Config::parse(&source)
        .and_then(|config| Router::start(config, host, install))
        .map_err(|error| error.render(&source))
}

/// Makes a router whose programs let everything pass, to the first output.
pub(crate) fn router(text: &str, host: &mut MemoryHost) -> Result<Router, String> {
    router_with(text, host, |request| {
        let kind = request.expectation.program.as_ref().unwrap().kind;
        let value = match kind {
            ProgramKind::Filter => 2,
            ProgramKind::Rewriter => 1,
            _ => 0,
        };
        program(kind, &returning(value))
    })
}

/// Runs a configuration to its end.
pub(crate) fn run(text: &str, host: &mut MemoryHost) -> Router {
    let mut router = router(text, host).unwrap_or_else(|error| panic!("{error}"));
    router.run(host, || false).unwrap();
    router.finish().unwrap();
    router
}

/// An image of one function, and the facts of a statement that allows whatever the kind does.
pub(crate) fn program(kind: ProgramKind, code: &[Insn]) -> (Image, Facts) {
    let image = Image::new(ImageParts {
        kind,
        code: Insn::encode_all(code),
        functions: vec![Function {
            name: "test".into(),
            start: 0,
        }],
        maps: Vec::new(),
        data: Vec::new(),
        lines: LineTable::default(),
    });
    let returns = kind.returns();
    let facts = Facts {
        statement: Name::new("test").unwrap(),
        counter: 7,
        object: Digest::of(b"test"),
        signer: "CN=test".into(),
        platform: "click".into(),
        program: Symbol::new("test_program").unwrap(),
        exit: ExitRange {
            min: *returns.start(),
            max: *returns.end(),
        },
        highest_output: None,
        worst_case: None,
    };
    (image.unwrap(), facts)
}

/// `return value`.
pub(crate) fn returning(value: i32) -> [Insn; 2] {
    let set = Insn::Alu {
        op: AluOp::Mov,
        width: Width::W64,
        dst: Reg::R0,
        src: Operand::Imm(value),
    };
    [set, Insn::Exit]
}
