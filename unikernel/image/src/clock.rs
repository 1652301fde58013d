//! Time: the processor's counter, measured with the machine's timer, from the calendar's date on.

use core::arch::x86_64::{__cpuid, _mm_lfence, _rdtsc};

use bpf_loader::RELEASE_TIME;
use click_guest::clock::{ClockRegisters, Rate};

use crate::port::Port;

// SAFETY: a timer (i8254) knows no memory.
const TIMER: Port = unsafe { Port::new(0x40) };
// SAFETY: as above.
const TIMER_COMMAND: Port = unsafe { Port::new(0x43) };
// SAFETY: the calendar (MC146818) knows no memory.
const CALENDAR_INDEX: Port = unsafe { Port::new(0x70) };
// SAFETY: as above; it is only read.
const CALENDAR: Port = unsafe { Port::new(0x71) };

/// Ticks of the timer in a second.
const TIMER_HZ: u64 = 1_193_182;

/// Ticks of the timer that are measured at least: 4 ms, so that one more or less is a 5000th.
const MEASURED: u16 = 4772;

/// Times that the timer is read until it has gone on: each takes about 1 µs or more.
const PATIENCE: u32 = 1_000_000;

/// The processor's counter.
pub(crate) fn ticks() -> u64 {
    // SAFETY: every processor with 64-bit mode has both instructions.
    unsafe {
        _mm_lfence();
        _rdtsc()
    }
}

/// A measurement that has begun: what the machine does meanwhile counts.
pub(crate) struct Measurement {
    start: u64,
}

impl Measurement {
    /// Lets the timer run, once, from its highest count.
    pub(crate) fn begin() -> Self {
        // Channel 0, the only one that `microvm` has a gate for; both bytes; mode 0: at the end it is done.
        TIMER_COMMAND.write8(0x30);
        TIMER.write8(0xff);
        TIMER.write8(0xff);
        Self { start: ticks() }
    }

    /// The counter's rate. `None` where there is no timer and the processor does not say either.
    pub(crate) fn end(self) -> Option<Rate> {
        if let Some(rate) = stated_rate() {
            return Some(rate);
        }
        let mut measurement = self;
        // When the end came before it was looked at, once more, which then takes no longer than needed.
        for _ in 0..2 {
            if let Some(rate) = measurement.wait() {
                return Some(rate);
            }
            measurement = Self::begin();
        }
        None
    }

    fn wait(&self) -> Option<Rate> {
        for _ in 0..PATIENCE {
            let (elapsed, at) = elapsed()?;
            if elapsed >= MEASURED {
                let nanoseconds = u64::from(elapsed) * 1_000_000_000 / TIMER_HZ;
                return Rate::new(at - self.start, nanoseconds);
            }
        }
        None
    }
}

/// Ticks of the timer since it began, and when that was. `None` when it has come to its end.
fn elapsed() -> Option<(u16, u64)> {
    /// Keep the count and the status of channel 0 until they are read.
    const READ_BACK: u8 = 0xc2;
    /// Status: the end was reached.
    const DONE: u8 = 1 << 7;
    // Something may happen in between: of a few readings, that which took least is the best.
    let reading = || {
        let before = ticks();
        TIMER_COMMAND.write8(READ_BACK);
        let status = TIMER.read8();
        let low = TIMER.read8();
        let high = TIMER.read8();
        let after = ticks();
        let elapsed = u16::MAX - u16::from_le_bytes([low, high]);
        (after - before, elapsed, before + (after - before) / 2, status)
    };
    let best = [reading(), reading(), reading()];
    let done = best.iter().any(|(.., status)| status & DONE != 0);
    let (_, elapsed, at, _) = best.into_iter().min_by_key(|(took, ..)| *took)?;
    (!done).then_some((elapsed, at))
}

/// What the processor, or who plays it, says about its counter.
fn stated_rate() -> Option<Rate> {
    let highest = __cpuid(0).eax;
    if highest >= 0x15 {
        let leaf = __cpuid(0x15);
        if leaf.eax != 0 && leaf.ebx != 0 && leaf.ecx != 0 {
            let hz = u64::from(leaf.ecx) * u64::from(leaf.ebx) / u64::from(leaf.eax);
            return Rate::new(hz, 1_000_000_000);
        }
    }
    const HYPERVISOR: u32 = 1 << 31;
    const TIMING: u32 = 0x4000_0010;
    if __cpuid(1).ecx & HYPERVISOR != 0 && (TIMING..0x4000_1000).contains(&__cpuid(0x4000_0000).eax) {
        let khz = u64::from(__cpuid(TIMING).eax);
        return Rate::new(khz, 1_000_000);
    }
    None
}

/// The time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    rate: Rate,
    /// The counter when the machine was started.
    started: u64,
    /// Nanoseconds since 1970 then.
    at_start_ns: u64,
    /// Whether the machine has a calendar.
    has_calendar: bool,
}

impl Clock {
    pub(crate) fn new(rate: Rate, started: u64) -> Self {
        let calendar = read_calendar().and_then(ClockRegisters::unix_time);
        let seconds = calendar.unwrap_or(RELEASE_TIME.as_secs());
        let since = rate.nanoseconds(ticks() - started);
        Self {
            rate,
            started,
            at_start_ns: seconds.saturating_mul(1_000_000_000).saturating_sub(since),
            has_calendar: calendar.is_some(),
        }
    }

    /// Nanoseconds since the machine was started.
    pub(crate) fn since_start_ns(&self) -> u64 {
        self.rate.nanoseconds(ticks().saturating_sub(self.started))
    }

    /// Nanoseconds since 1970.
    pub(crate) fn now_ns(&self) -> u64 {
        self.at_start_ns.saturating_add(self.since_start_ns())
    }

    /// Seconds since 1970, if the machine has a calendar.
    pub(crate) fn calendar(&self) -> Option<u64> {
        self.has_calendar.then(|| self.now_ns() / 1_000_000_000)
    }
}

/// The calendar's registers, read twice alike: it may change in between.
fn read_calendar() -> Option<ClockRegisters> {
    let register = |index: u8| {
        // The highest bit keeps other interrupts off.
        CALENDAR_INDEX.write8(0x80 | index);
        CALENDAR.read8()
    };
    let registers = || ClockRegisters {
        seconds: register(0),
        minutes: register(2),
        hours: register(4),
        day: register(7),
        month: register(8),
        year: register(9),
        status: register(11),
    };
    (0..10).find_map(|_| {
        let first = registers();
        (first == registers()).then_some(first)
    })
}
