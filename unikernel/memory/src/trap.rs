//! Accesses that the machine refuses: they stop the program, not the process.
//!
//! Machine code checks no access; what was proved makes that right. Where a proof was wrong, the access
//! may hit memory that is not there: null plus an offset, what lies beside the frames, an address made
//! of numbers. The system then sends `SIGSEGV` or `SIGBUS`. The handler here looks whether the
//! instruction belongs to sealed code; if so it says in registers what happened and goes on at the place
//! where the program is stopped, as engines for `WebAssembly` do. Everything else is left to whoever
//! handled the signal before.
//!
//! A handler may interrupt anything, so it takes no lock and allocates nothing: the codes are in a
//! table of numbers.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, Once, OnceLock, PoisonError};

use bpf_jit::MachineCode;
use rustix::io::{Errno, Result};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

/// Programs of one process at one time: many more than elements that anyone configures.
const MAX_CODES: usize = 1024;

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

/// Held by whoever changes the table; the handler only reads.
static CHANGES: Mutex<()> = Mutex::new(());

/// Code whose accesses are watched, as long as this lives.
#[derive(Debug)]
pub(crate) struct Watch {
    entry: usize,
}

impl Watch {
    /// Watches the code that lies at `base`.
    pub(crate) fn new(base: usize, code: &MachineCode) -> Result<Self> {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(install);
        let offset = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
        let _change = CHANGES.lock().unwrap_or_else(PoisonError::into_inner);
        let free = |entry: &Entry| entry.end.load(Ordering::Relaxed) == 0;
        let entry = CODES.iter().position(free).ok_or(Errno::NOMEM)?;
        if let Some(code_entry) = CODES.get(entry) {
            let landing = base.saturating_add(offset(code.landing()));
            code_entry.base.store(base, Ordering::Relaxed);
            code_entry.landing.store(landing, Ordering::Relaxed);
            let start = base.saturating_add(offset(code.body()));
            code_entry.start.store(start, Ordering::Relaxed);
            let end = base.saturating_add(code.bytes().len());
            code_entry.end.store(end, Ordering::Release);
        }
        Ok(Self { entry })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _change = CHANGES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = CODES.get(self.entry) {
            entry.end.store(0, Ordering::Release);
        }
    }
}

/// A function that handles a signal.
type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);

/// What handled the two signals before.
static BEFORE: OnceLock<[Previous; 2]> = OnceLock::new();

struct Previous(libc::sigaction);

const SIGNALS: [c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

fn install() {
    reserve_low_memory();
    BEFORE.get_or_init(|| SIGNALS.map(|signal| Previous(exchange_action(signal))));
}

/// Makes [`on_fault`] handle a signal, and gives what handled it before.
fn exchange_action(signal: c_int) -> libc::sigaction {
    // SAFETY: a `sigaction` of zeros is the default action without flags.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = address_of(on_fault);
    // On the stack for signals, if the thread has one: its own may be what is used up.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    let mut before = action;
    // SAFETY: both places are ours, and the handler is of the type that the flags announce. It fails
    // for signals that do not exist; `before` is then our own action, which `forward` knows.
    unsafe { libc::sigaction(signal, &raw const action, &raw mut before) };
    before
}

extern "C" fn on_fault(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the system passes the registers of the instruction, which are ours to change.
    let registers = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    let at = register(registers, libc::REG_RIP);
    let found = CODES.iter().find(|entry| {
        let end = entry.end.load(Ordering::Acquire);
        entry.start.load(Ordering::Relaxed) <= at && at < end
    });
    let Some(entry) = found else {
        return forward(signal, info, context);
    };
    // SAFETY: the system passes a description of a fault, which nobody else uses.
    let info = unsafe { &*info };
    // SAFETY: faults have an address.
    let address = unsafe { info.si_addr() }.addr();
    let offset = at.wrapping_sub(entry.base.load(Ordering::Relaxed));
    let landing = entry.landing.load(Ordering::Relaxed);
    // As the code wants to be told.
    set_register(registers, libc::REG_R10, offset);
    set_register(registers, libc::REG_R11, address);
    set_register(registers, libc::REG_RIP, landing);
}

/// Leaves a signal to whoever handled it before. Without anyone, the instruction is repeated under the
/// default action, which ends the process.
fn forward(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let place = SIGNALS.iter().position(|other| *other == signal);
    let before = BEFORE
        .get()
        .zip(place)
        .and_then(|(all, place)| all.get(place));
    let handler = before.map_or(libc::SIG_DFL, |Previous(action)| action.sa_sigaction);
    let takes_info = before.is_some_and(|Previous(action)| action.sa_flags & libc::SA_SIGINFO != 0);
    let no_function = [libc::SIG_DFL, libc::SIG_IGN, address_of(on_fault)];
    if takes_info && !no_function.contains(&handler) {
        let function = ptr::with_exposed_provenance::<c_void>(handler);
        // SAFETY: whoever set the handler said with the flag that it is of this type.
        let function = unsafe { core::mem::transmute::<*const c_void, Handler>(function) };
        return function(signal, info, context);
    }
    // SAFETY: the default action exists for every signal.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}

#[expect(
    clippy::as_conversions,
    reason = "only a cast makes a number of a function"
)]
fn address_of(handler: Handler) -> usize {
    handler as usize
}

fn register(registers: &[libc::greg_t], which: c_int) -> usize {
    let value = registers.get(index(which)).copied().unwrap_or_default();
    usize::try_from(value.cast_unsigned()).unwrap_or_default()
}

fn set_register(registers: &mut [libc::greg_t], which: c_int, value: usize) {
    if let Some(register) = registers.get_mut(index(which)) {
        *register = u64::try_from(value).unwrap_or_default().cast_signed();
    }
}

fn index(register: c_int) -> usize {
    usize::try_from(register).unwrap_or(usize::MAX)
}

/// Keeps the lowest addresses from ever being mapped, so that null plus an offset hits nothing: as
/// much as is free of 16 MiB, 2 MiB, or 64 KiB. The system itself maps nothing there unless asked to.
fn reserve_low_memory() {
    let setting = std::fs::read_to_string("/proc/sys/vm/mmap_min_addr");
    let first: usize = setting
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(65_536);
    let first = first.max(rustix::param::page_size());
    for end in [16 << 20, 2 << 20, 64 << 10] {
        let Some(len) = usize::checked_sub(end, first).filter(|len| *len > 0) else {
            return;
        };
        let start = ptr::without_provenance_mut(first);
        let flags = MapFlags::PRIVATE | MapFlags::FIXED_NOREPLACE | MapFlags::NORESERVE;
        // SAFETY: nothing that exists is replaced, and nobody can access what is mapped.
        let mapped = unsafe { mmap_anonymous(start, len, ProtFlags::empty(), flags) };
        if mapped.is_ok() {
            return;
        }
    }
}
