//! What the processor refuses.
//!
//! An access of machine code that is refused stops the program, as in a Linux process (`code-memory`):
//! execution goes on where the code says, with registers that say what happened. Everything else that is
//! refused is an error in the kernel, which says so and ends the machine. Every gate has a stack of its
//! own, so that a kernel without stack can say it, too.

use alloc::boxed::Box;
use core::arch::{asm, global_asm};
use core::sync::atomic::{AtomicUsize, Ordering};

use bpf_jit::MachineCode;

use crate::exit::{TRAP, exit_with};
use crate::serial::say;

global_asm!(include_str!("traps.s"));

/// Programs at one time: more than elements that anyone configures.
const MAX_CODES: usize = 256;

/// Sealed code, as numbers; all zero where there is none.
struct Entry {
    /// Where the code begins that accesses memory.
    start: AtomicUsize,
    end: AtomicUsize,
    /// What offsets count from.
    base: AtomicUsize,
    /// Where a stopped program goes on.
    landing: AtomicUsize,
}

static CODES: [Entry; MAX_CODES] = [const {
    Entry {
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        base: AtomicUsize::new(0),
        landing: AtomicUsize::new(0),
    }
}; MAX_CODES];

/// Code whose accesses are watched, as long as this lives.
#[derive(Debug)]
pub(crate) struct Watch {
    entry: &'static AtomicUsize,
}

impl Watch {
    /// Watches the code that lies at `base`. `None` when there is too much already.
    pub(crate) fn new(base: usize, code: &MachineCode) -> Option<Self> {
        let at = |offset: u32| base.checked_add(usize::try_from(offset).ok()?);
        let free = |entry: &&Entry| entry.end.load(Ordering::Relaxed) == 0;
        let entry = CODES.iter().find(free)?;
        let (start, landing) = (at(code.body())?, at(code.landing())?);
        let end = base.checked_add(code.bytes().len())?;
        entry.base.store(base, Ordering::Relaxed);
        entry.landing.store(landing, Ordering::Relaxed);
        entry.start.store(start, Ordering::Relaxed);
        entry.end.store(end, Ordering::Release);
        Some(Self { entry: &entry.end })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.entry.store(0, Ordering::Release);
    }
}

/// What `traps.s` leaves on the stack.
#[repr(C)]
struct Frame {
    r11: u64,
    r10: u64,
    r9: u64,
    r8: u64,
    rdi: u64,
    rsi: u64,
    rdx: u64,
    rcx: u64,
    rax: u64,
    number: u64,
    code: u64,
    rip: u64,
    cs: u64,
    rflags: u64,
    rsp: u64,
    ss: u64,
}

const GENERAL_PROTECTION: u64 = 13;
const PAGE_FAULT: u64 = 14;

#[unsafe(no_mangle)]
extern "C" fn handle_trap(frame: &mut Frame) {
    let address: u64;
    // SAFETY: reading the register changes nothing.
    unsafe { asm!("mov {}, cr2", out(reg) address, options(nomem, nostack, preserves_flags)) };
    // An address that is none is no page fault; nobody says which it was.
    let accessed = match frame.number {
        PAGE_FAULT => Some(address),
        GENERAL_PROTECTION => Some(0),
        _ => None,
    };
    if let Some(accessed) = accessed
        && let Some((offset, landing)) = machine_code(frame.rip)
    {
        frame.r10 = offset;
        frame.r11 = accessed;
        frame.rip = landing;
        return;
    }
    say!(
        "trap: {} ({}), error {:#x}, at {:#x}, address {address:#x}, stack {:#x}, cs {:#x}, ss {:#x}, \
         flags {:#x}, rax {:#x}, rcx {:#x}, rdx {:#x}, rsi {:#x}, rdi {:#x}, r8 {:#x}, r9 {:#x}",
        name(frame.number),
        frame.number,
        frame.code,
        frame.rip,
        frame.rsp,
        frame.cs,
        frame.ss,
        frame.rflags,
        frame.rax,
        frame.rcx,
        frame.rdx,
        frame.rsi,
        frame.rdi,
        frame.r8,
        frame.r9,
    );
    exit_with(TRAP)
}

/// The offset of an instruction in sealed code, and where that goes on when it is stopped.
fn machine_code(rip: u64) -> Option<(u64, u64)> {
    let at = usize::try_from(rip).ok()?;
    let entry = CODES.iter().find(|entry| {
        let end = entry.end.load(Ordering::Acquire);
        entry.start.load(Ordering::Relaxed) <= at && at < end
    })?;
    let offset = at.checked_sub(entry.base.load(Ordering::Relaxed))?;
    let landing = entry.landing.load(Ordering::Relaxed);
    Some((u64::try_from(offset).ok()?, u64::try_from(landing).ok()?))
}

const fn name(number: u64) -> &'static str {
    match number {
        0 => "division",
        3 => "breakpoint",
        6 => "invalid instruction",
        8 => "double fault",
        13 => "general protection",
        14 => "page fault",
        17 => "alignment",
        18 => "machine check",
        _ => "exception",
    }
}

unsafe extern "C" {
    /// The addresses of the gates' code, in `traps.s`.
    static gates: [u64; 32];
    static trap_stack_top: u8;
    static double_fault_stack_top: u8;
}

/// Selectors in the table of [`set_up`].
const CODE: u64 = 8;
const TASK: u16 = 0x18;

/// The number of the double fault, which has a stack for itself.
const DOUBLE_FAULT: usize = 8;

/// The 64-bit task state segment, as the processor reads it: two-byte steps, since its quadwords are not
/// aligned.
#[repr(C, align(16))]
struct TaskState([u16; 52]);

#[repr(C, packed)]
struct TableRegister {
    limit: u16,
    address: u64,
}

fn address_of<T: ?Sized>(what: *const T) -> u64 {
    u64::try_from(what.expose_provenance()).unwrap_or_default()
}

/// Makes [`handle_trap`] handle everything that the processor refuses.
pub(crate) fn set_up() {
    let mut state = TaskState([0; 52]);
    // Stacks 1 and 2 of the interrupt stack table are at bytes 36 and 44; no I/O permissions follow.
    put(&mut state, 36, address_of(&raw const trap_stack_top));
    put(&mut state, 44, address_of(&raw const double_fault_stack_top));
    if let Some(last) = state.0.last_mut() {
        *last = 104;
    }
    let state = address_of(Box::leak(Box::new(state)));
    let limit = 103;
    let low = limit | (state & 0xff_ffff) << 16 | 0x89 << 40 | (state >> 24 & 0xff) << 56;
    let descriptors = Box::leak(Box::new([
        0,
        0x00af_9b00_0000_ffff,
        0x00cf_9300_0000_ffff,
        low,
        state >> 32,
    ]));
    let gate = |(number, code): (usize, &u64)| {
        let stack = if number == DOUBLE_FAULT { 2 } else { 1 };
        let low = (code & 0xffff) | CODE << 16 | stack << 32 | 0x8e << 40;
        [low | (code >> 16 & 0xffff) << 48, code >> 32]
    };
    // SAFETY: a constant of the image.
    let codes = unsafe { &gates };
    let table: alloc::vec::Vec<[u64; 2]> = codes.iter().enumerate().map(gate).collect();
    let table = Box::leak(table.into_boxed_slice());
    let descriptors = TableRegister {
        limit: 39,
        address: address_of(&raw const *descriptors),
    };
    let gates_register = TableRegister {
        limit: 511,
        address: address_of(&raw const *table),
    };
    // SAFETY: both tables are of the form that the processor wants, and never go; the code and data
    // segments are those of the table before.
    unsafe {
        asm!(
            "lgdt [{descriptors}]",
            "ltr {task:x}",
            "lidt [{gates}]",
            descriptors = in(reg) &raw const descriptors,
            task = in(reg) TASK,
            gates = in(reg) &raw const gates_register,
            options(nostack),
        );
    }
}

/// Writes a quadword to a multiple of two.
fn put(state: &mut TaskState, offset: usize, value: u64) {
    for (number, half) in value.to_le_bytes().chunks_exact(2).enumerate() {
        if let (Some(place), [low, high]) = (state.0.get_mut(offset / 2 + number), half) {
            *place = u16::from_le_bytes([*low, *high]);
        }
    }
}
