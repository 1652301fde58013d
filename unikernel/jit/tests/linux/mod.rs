//! Programs in the kernel that runs, through bpf(2): loaded as XDP programs and run by
//! `BPF_PROG_TEST_RUN`, which needs root.
//!
//! The context of an XDP program has `data` and `data_end` as ours has, in 32 bits each that the kernel
//! turns into addresses; loads of the two are rewritten. What else our context has, it has not.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and not every test uses everything"
)]

use std::collections::BTreeSet;
use std::io::{Error, Result};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

use bpf_object::{AluOp, Insn, MapDef, Operand, RawInsn, Reg, Size, Wide, Width};
use platform_click::PacketContext;

/// Commands of bpf(2), `include/uapi/linux/bpf.h`.
const MAP_CREATE: u32 = 0;
const PROG_LOAD: u32 = 5;
const PROG_TEST_RUN: u32 = 10;
const PROG_TYPE_XDP: u32 = 6;

/// What the kernel takes at least, an Ethernet header.
pub const SHORTEST: usize = 14;

#[repr(C)]
#[derive(Default)]
struct MapCreate {
    kind: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    flags: u32,
}

#[repr(C)]
#[derive(Default)]
struct ProgLoad {
    kind: u32,
    insns: u32,
    code: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
}

#[repr(C)]
#[derive(Default)]
struct TestRun {
    program: u32,
    value: u32,
    size_in: u32,
    size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
}

/// # Safety
/// What the structure points to lives and has the size that it says.
unsafe fn bpf<T>(command: u32, attributes: &mut T) -> Result<i32> {
    // SAFETY: the structure begins as the kernel's for this command; what it does not have is zero.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut *attributes, size_of::<T>()) };
    i32::try_from(result)
        .ok()
        .filter(|result| *result >= 0)
        .ok_or_else(Error::last_os_error)
}

/// # Safety
/// As [`bpf`]; the command gives a new file descriptor.
unsafe fn open<T>(command: u32, attributes: &mut T) -> Result<OwnedFd> {
    // SAFETY: the caller's promise.
    let descriptor = unsafe { bpf(command, attributes)? };
    // SAFETY: it is new, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// A program in the kernel, with maps of its own.
#[derive(Debug)]
pub struct Loaded {
    program: OwnedFd,
    _maps: Vec<OwnedFd>,
}

/// What a run left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The lower half of what the program returned.
    pub value: u32,
    pub packet: Vec<u8>,
    /// Nanoseconds that each run took, by the kernel's own count.
    pub duration: u32,
}

impl Loaded {
    /// Loads a program whose context is the platform's.
    pub fn new(code: &[Insn], maps: &[MapDef]) -> core::result::Result<Self, String> {
        let code = for_xdp(code)?;
        Self::load(&code, maps).map_err(|error| match error.raw_os_error() {
            Some(libc::EINVAL | libc::EACCES | libc::E2BIG | libc::EFAULT) => "refused".into(),
            _ => error.to_string(),
        })
    }

    fn load(code: &[Insn], maps: &[MapDef]) -> Result<Self> {
        let maps = maps.iter().map(create_map).collect::<Result<Vec<_>>>()?;
        let mut slots = Insn::encode_all(code);
        for (slot, insn) in slots.iter_mut().zip(code) {
            if let Insn::Wide {
                value: Wide::Map(map),
                ..
            } = insn
            {
                slot.imm = maps[*map as usize].as_raw_fd();
            }
        }
        let bytes: Vec<u8> = slots.into_iter().flat_map(RawInsn::to_bytes).collect();
        let mut attributes = ProgLoad {
            kind: PROG_TYPE_XDP,
            insns: u32::try_from(code.len()).unwrap(),
            code: bytes.as_ptr() as u64,
            license: c"GPL".as_ptr() as u64,
            ..ProgLoad::default()
        };
        // SAFETY: code and licence outlive the call.
        let program = unsafe { open(PROG_LOAD, &mut attributes)? };
        Ok(Self {
            program,
            _maps: maps,
        })
    }

    pub fn run(&self, packet: &[u8], repeat: u32) -> Result<Left> {
        let mut out = vec![0; packet.len() + 256];
        let mut attributes = TestRun {
            program: self.program.as_raw_fd() as u32,
            size_in: u32::try_from(packet.len()).unwrap(),
            size_out: u32::try_from(out.len()).unwrap(),
            data_in: packet.as_ptr() as u64,
            data_out: out.as_mut_ptr() as u64,
            repeat,
            ..TestRun::default()
        };
        // SAFETY: both packets outlive the call and have these sizes.
        unsafe { bpf(PROG_TEST_RUN, &mut attributes)? };
        out.truncate(attributes.size_out as usize);
        Ok(Left {
            value: attributes.value,
            packet: out,
            duration: attributes.duration,
        })
    }
}

/// Whether programs can be loaded at all: why not, otherwise.
pub fn is_permitted() -> core::result::Result<(), String> {
    let nothing = [
        Insn::Alu {
            width: Width::W64,
            op: AluOp::Mov,
            dst: Reg::R0,
            src: Operand::Imm(2),
        },
        Insn::Exit,
    ];
    Loaded::new(&nothing, &[]).map(drop)
}

fn create_map(definition: &MapDef) -> Result<OwnedFd> {
    let mut attributes = MapCreate {
        kind: definition.kind.number(),
        key_size: definition.key_size,
        value_size: definition.value_size,
        max_entries: definition.max_entries,
        flags: definition.kind.flags(),
    };
    // SAFETY: it points to nothing.
    unsafe { open(MAP_CREATE, &mut attributes) }
}

/// The program with loads of `data` and `data_end` as XDP has them. They come before the first jump, from
/// a register to which the context was never copied by anything but a move.
fn for_xdp(code: &[Insn]) -> core::result::Result<Vec<Insn>, String> {
    let mut contexts = BTreeSet::from([Reg::R1.index()]);
    let mut straight = true;
    let mut out = Vec::new();
    for insn in code {
        let mut insn = *insn;
        match insn {
            Insn::Load {
                dst,
                base,
                ref mut off,
                ref mut size,
                ..
            } if contexts.contains(&base.index()) => {
                let field = usize::try_from(*off).ok().filter(|_| *size == Size::B8);
                *off = match field {
                    Some(field) if field == core::mem::offset_of!(PacketContext, data) => 0,
                    Some(field) if field == core::mem::offset_of!(PacketContext, data_end) => 4,
                    _ => return Err("a field that XDP has not".into()),
                };
                *size = Size::B4;
                if !straight {
                    return Err("its context is used behind a jump".into());
                }
                contexts.remove(&dst.index());
            }
            Insn::Alu {
                op: AluOp::Mov,
                dst,
                src: Operand::Reg(src),
                width: Width::W64,
            } if contexts.contains(&src.index()) => {
                contexts.insert(dst.index());
            }
            Insn::Wide {
                value: Wide::Data { .. },
                ..
            } => return Err("has data sections".into()),
            Insn::Alu { dst, .. } | Insn::Load { dst, .. } | Insn::Wide { dst, .. } => {
                contexts.remove(&dst.index());
            }
            Insn::CallHelper { .. } | Insn::CallLocal { .. } => contexts.retain(|reg| *reg > 5),
            _ => straight &= insn.jump_target().is_none(),
        }
        out.push(insn);
    }
    Ok(out)
}
