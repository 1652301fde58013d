//! Linux programs: PREVAIL's verdict on its own platform, and the checker's on the same tables.

use core::ops::RangeInclusive;
use core::panic::AssertUnwindSafe;
use std::collections::BTreeSet;
use std::panic::catch_unwind;

use bpf_checker::{Argument, Cause, Options, Platform, Prototype, Returned, Verdict, check_on};
use bpf_object::{DataSection, Function, Image, ImageParts, LineTable, MapDef, RawInsn};
use platform_click::{Access, ContextField, MapKind, ProgramKind};
use prevail::crab::ebpf_domain::DomainContext;
use prevail::crab::var_registry::VariableRegistry;
use prevail::elf_loader::read_elf;
use prevail::fwd_analyzer;
use prevail::ir::program::Program;
use prevail::ir::unmarshal::unmarshal;
use prevail::linux::linux_platform::LinuxPlatform;
use prevail::linux::spec_prototypes::{
    HelperPrototype, is_helper_usable, try_get_helper_prototype,
};
use prevail::platform::EbpfPlatform as _;
use prevail::spec::config::EbpfVerifierOptions;
use prevail::spec::ebpf_base::{EbpfArgumentType, EbpfCtxDescriptor, EbpfReturnType};
use prevail::spec::type_descriptors::{EbpfMapDescriptor, RawProgram};

use super::{Answer, Judged};

/// The child's work: one program of the object behind name and index in the request.
pub(crate) fn answer(request: &[u8]) -> Vec<u8> {
    let end = request.iter().position(|byte| *byte == 0).unwrap();
    let path = core::str::from_utf8(&request[..end]).unwrap();
    let (index, object) = request[end + 1..].split_first_chunk::<4>().unwrap();
    let index = u32::from_le_bytes(*index) as usize;
    serde_json::to_vec(&judge(path, object, index)).unwrap()
}

/// PREVAIL's options, as the profile of our platform has them where that matters here.
fn options() -> EbpfVerifierOptions {
    let mut options = EbpfVerifierOptions {
        mock_map_fds: true,
        ..EbpfVerifierOptions::default()
    };
    options.runtime.allow_division_by_zero = false;
    options.runtime.check_for_termination = true;
    options
}

fn judge(path: &str, object: &[u8], index: usize) -> Answer {
    let options = options();
    let mut platform = LinuxPlatform::new();
    let programs = catch_unwind(AssertUnwindSafe(|| {
        read_elf(object, path, "", "", &options, &mut platform)
    }));
    let Ok(Ok(mut programs)) = programs else {
        return Answer {
            programs: 0,
            judged: None,
        };
    };
    let count = programs.len();
    let judged = (index < count).then(|| {
        let mut raw = programs.swap_remove(index);
        platform
            .map_descriptors
            .clone_from(&raw.info.map_descriptors);
        platform.set_program_type(&raw.info.program_type);
        Judged {
            name: format!("{path} {} {}", raw.section_name, raw.function_name),
            slots: raw.prog.len(),
            has_loop: has_loop(&raw),
            checker: checker(&raw, &platform),
            prevail_accepts: catch_unwind(AssertUnwindSafe(|| {
                accepted_by_prevail(&mut raw, &platform, &options)
            }))
            .unwrap_or(false),
        }
    });
    Answer {
        programs: count,
        judged,
    }
}

fn accepted_by_prevail(
    raw: &mut RawProgram,
    platform: &LinuxPlatform,
    options: &EbpfVerifierOptions,
) -> bool {
    let Ok(sequence) = unmarshal(&raw.prog, &mut Vec::new(), &raw.info, platform, options) else {
        return false;
    };
    let Ok(program) = Program::from_sequence(&sequence, &mut raw.info, platform, options) else {
        return false;
    };
    let context = DomainContext::new(&raw.info, &program, options, platform);
    let mut registry = VariableRegistry::new();
    !fwd_analyzer::analyze(&program, &context, &mut registry).failed
}

fn has_loop(raw: &RawProgram) -> bool {
    raw.prog.iter().any(|insn| {
        let class = insn.opcode & 0x07;
        let jumps = matches!(class, 5 | 6) && !matches!(insn.opcode, 0x85 | 0x95 | 0x06);
        jumps && insn.offset < 0 || insn.opcode == 0x06 && insn.imm < 0
    })
}

/// Why the checker does not accept, if it does not: a kind, a colon, and more.
fn checker(raw: &RawProgram, platform: &LinuxPlatform) -> Option<String> {
    let image = match image(raw, platform) {
        Ok(image) => image,
        Err(reason) => return Some(reason),
    };
    let tables = Linux::of(raw);
    match check_on(&tables, &image, &Options::default()) {
        Verdict::Accepted(_) => None,
        Verdict::Rejected(findings) => {
            let first = findings.first().unwrap();
            let code = first.code();
            Some(format!(
                "{} {}: slot {}: {}",
                code.id, code.title, first.slot, first.cause
            ))
        }
        Verdict::Undecided(why) => Some(format!("undecided: {why}")),
    }
}

/// What PREVAIL's loader read, as an image of ours.
fn image(raw: &RawProgram, platform: &LinuxPlatform) -> Result<Image, String> {
    let mut builder = Builder {
        platform,
        descriptors: &raw.info.map_descriptors,
        maps: Vec::new(),
        data: Vec::new(),
    };
    let mut code = Vec::new();
    let mut starts = BTreeSet::from([0]);
    for (slot, insn) in raw.prog.iter().enumerate() {
        if raw.info.builtin_call_offsets.contains(&slot) {
            return Err("calls of functions of the compiler: memcpy and the like".into());
        }
        let mut insn = RawInsn {
            opcode: insn.opcode,
            dst: insn.dst_src & 0x0f,
            src: insn.dst_src >> 4,
            off: insn.offset,
            imm: insn.imm,
        };
        if insn.opcode == 0x18 && insn.src != 0 {
            insn = builder.reference(insn)?;
        }
        if (insn.opcode, insn.src) == (0x85, 1) {
            starts.insert((slot as i64 + 1 + i64::from(insn.imm)) as u32);
        }
        code.push(insn);
    }
    let functions = starts.into_iter().map(|start| Function {
        name: format!("f{start}"),
        start,
    });
    Image::new(ImageParts {
        kind: ProgramKind::Rewriter,
        code,
        functions: functions.collect(),
        maps: builder.maps.into_iter().map(|(_, map)| map).collect(),
        data: builder.data.into_iter().map(|(_, data)| data).collect(),
        lines: LineTable::default(),
    })
    .map_err(|error| format!("no image of this platform: {error}"))
}

/// Maps and data in the order in which a program refers to them.
struct Builder<'p> {
    platform: &'p LinuxPlatform,
    descriptors: &'p [EbpfMapDescriptor],
    maps: Vec<(i32, MapDef)>,
    data: Vec<(i32, DataSection)>,
}

impl Builder<'_> {
    /// A wide load of PREVAIL's, with the number of a descriptor, as ours.
    fn reference(&mut self, insn: RawInsn) -> Result<RawInsn, String> {
        let fd = insn.imm;
        let descriptor = self.descriptors.iter().find(|map| map.original_fd == fd);
        let descriptor = descriptor.ok_or("a reference to something else than maps and data")?;
        let index = match insn.src {
            1 => match self.maps.iter().position(|(other, _)| *other == fd) {
                Some(index) => index,
                None => {
                    let map = self.map(descriptor);
                    self.maps.push((fd, map));
                    self.maps.len() - 1
                }
            },
            2 => match self.data.iter().position(|(other, _)| *other == fd) {
                Some(index) => index,
                None => {
                    // Its contents are not looked at.
                    let section = DataSection {
                        name: format!(".data.{fd}"),
                        bytes: vec![0; descriptor.value_size as usize],
                        writable: true,
                    };
                    self.data.push((fd, section));
                    self.data.len() - 1
                }
            },
            _ => return Err("a reference to something else than maps and data".into()),
        };
        Ok(RawInsn {
            imm: i32::try_from(index).unwrap(),
            ..insn
        })
    }

    fn map(&self, descriptor: &EbpfMapDescriptor) -> MapDef {
        let is_array = self.platform.get_map_type(descriptor.map_type).is_array;
        MapDef {
            name: format!("map{}", descriptor.original_fd),
            kind: if is_array && descriptor.key_size == 4 {
                MapKind::Array
            } else {
                MapKind::Hash
            },
            // Of maps that programs only hand to helpers nothing is known, and nothing needed.
            key_size: descriptor.key_size.max(1),
            value_size: descriptor.value_size.max(1),
            max_entries: 1,
        }
    }
}

/// The tables of Linux for one type of program.
struct Linux {
    context: &'static [ContextField],
    descriptor: Option<&'static EbpfCtxDescriptor>,
    type_name: String,
    is_sleepable: bool,
}

impl Linux {
    fn of(raw: &RawProgram) -> Self {
        let program_type = &raw.info.program_type;
        let descriptor = program_type.ctx_descriptor;
        Self {
            context: descriptor.map_or(&[], |descriptor| fields(descriptor)),
            descriptor,
            type_name: program_type.name.clone(),
            is_sleepable: program_type.is_sleepable,
        }
    }
}

/// Pointers where the descriptor says so; everything else is numbers that may be written, of every
/// size at its natural alignment.
fn fields(descriptor: &EbpfCtxDescriptor) -> &'static [ContextField] {
    let field = |offset: i32, size: usize, access| ContextField {
        name: "field",
        c_type: "",
        offset: offset as usize,
        size,
        access,
        doc: "",
    };
    let pointers = [
        (descriptor.data, Access::PacketStart),
        (descriptor.end, Access::PacketEnd),
    ];
    let width = descriptor.end - descriptor.data;
    let mut fields = Vec::new();
    for (offset, access) in pointers {
        if offset >= 0 {
            fields.push(field(offset, width as usize, access));
        }
    }
    let is_pointer = |offset: i32, size: i32| {
        let overlaps = |start: i32| start >= 0 && offset < start + width && start < offset + size;
        overlaps(descriptor.data) || overlaps(descriptor.end)
    };
    for size in [1, 2, 4, 8] {
        for offset in (0..=descriptor.size - size).step_by(size as usize) {
            if !is_pointer(offset, size) {
                fields.push(field(offset, size as usize, Access::ReadWrite));
            }
        }
    }
    // The child ends with its object.
    fields.leak()
}

impl Platform for Linux {
    fn context(&self) -> &'static [ContextField] {
        self.context
    }

    fn helper(&self, id: u32, _: ProgramKind) -> Result<Prototype, Cause> {
        let unknown = Cause::UnknownHelper { id };
        let number = i32::try_from(id).unwrap_or(-1);
        let usable = is_helper_usable(
            number,
            self.descriptor,
            Some(&self.type_name),
            self.is_sleepable,
        );
        match try_get_helper_prototype(number) {
            Some(prototype) if usable => ours(prototype).ok_or(unknown),
            _ => Err(unknown),
        }
    }

    fn returns(&self, _: ProgramKind) -> RangeInclusive<u64> {
        0..=u64::MAX
    }
}

/// A prototype of PREVAIL's as one of ours; none where it takes what the checker does not know.
fn ours(prototype: &HelperPrototype) -> Option<Prototype> {
    let mut args = [Argument::Unused; 5];
    for (arg, theirs) in args.iter_mut().zip(prototype.argument_type) {
        *arg = match theirs {
            EbpfArgumentType::DontCare => Argument::Unused,
            EbpfArgumentType::Anything => Argument::Anything,
            EbpfArgumentType::ConstSize => Argument::Size,
            EbpfArgumentType::ConstSizeOrZero => Argument::SizeOrZero,
            EbpfArgumentType::PtrToCtx => Argument::Context,
            EbpfArgumentType::PtrToMap
            | EbpfArgumentType::ConstPtrToMap
            | EbpfArgumentType::PtrToMapOfPrograms => Argument::Map,
            EbpfArgumentType::PtrToMapKey => Argument::Key,
            EbpfArgumentType::PtrToMapValue => Argument::Value,
            EbpfArgumentType::PtrToReadableMem
            | EbpfArgumentType::PtrToReadableMemOrNull
            | EbpfArgumentType::PtrToReadonlyMem
            | EbpfArgumentType::PtrToReadonlyMemOrNull => Argument::Readable,
            EbpfArgumentType::PtrToWritableMem | EbpfArgumentType::PtrToWritableMemOrNull => {
                Argument::Writable
            }
            _ => return None,
        };
    }
    Some(Prototype {
        name: prototype.name,
        id: None,
        args,
        ret: match prototype.return_type {
            EbpfReturnType::Integer | EbpfReturnType::IntegerOrNoReturnIfSucceed => {
                Returned::Number
            }
            EbpfReturnType::PtrToMapValueOrNull => Returned::MapValueOrNull,
            _ => Returned::Unknown,
        },
        reallocates_packet: prototype.reallocate_packet,
    })
}
