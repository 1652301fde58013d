//! The functions that machine code calls.

use core::fmt;

use bpf_object::Reg;
use platform_click::HelperId;

use super::caller::NativeCaller;
use super::state::{State, Stopped};
use crate::environment::Environment;
use crate::fault::FaultCause;
use crate::helper::{Call, Caller as _, Scratch};
use crate::registers::Registers;

/// A run in progress.
pub(super) struct Run<'a> {
    pub(super) caller: NativeCaller<'a>,
    pub(super) scratch: &'a mut Scratch,
    pub(super) environment: &'a mut dyn Environment,
}

impl fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").finish_non_exhaustive()
    }
}

/// What a function gives: in `rax` and `rdx`.
#[repr(C)]
#[derive(Debug)]
pub(super) struct Answer {
    /// What belongs into `r0`.
    value: u64,
    /// 0, or that the program is to be stopped.
    stop: u64,
}

/// A function that machine code calls with the program's `r1` to `r5` and its state.
pub(super) type Called = unsafe extern "C" fn(u64, u64, u64, u64, u64, *mut State) -> Answer;

impl Answer {
    const fn value(value: u64) -> Self {
        Self { value, stop: 0 }
    }
}

/// What `called` gives, or that the program is to be stopped.
///
/// # Safety
/// `state` is that of a [`Native`](super::Native) that is in [`run`](super::Native::run), and what was
/// called by the code that `run` entered.
#[inline(always)]
unsafe fn answer(
    state: *mut State,
    called: impl FnOnce(&mut Run<'_>, u32) -> Result<u64, FaultCause>,
) -> Answer {
    // SAFETY: `Native::run` made the state complete before it entered the code.
    let State { run, helper, .. } = unsafe { &*state };
    let helper = *helper;
    // SAFETY: it is the `Run` of `Native::run`, which waits for the code and does not use it
    // meanwhile; the reference ends before the code goes on.
    let run = unsafe { &mut **run };
    match called(run, helper) {
        Ok(value) => Answer::value(value),
        Err(cause) => {
            run.caller.fault = Some(cause);
            Answer {
                value: 0,
                stop: u64::from(Stopped::Helper.number()),
            }
        }
    }
}

/// [`Fast::Any`](super::Fast::Any).
///
/// # Safety
/// As [`answer`].
pub(super) unsafe extern "C" fn any(
    r1: u64,
    r2: u64,
    r3: u64,
    r4: u64,
    r5: u64,
    state: *mut State,
) -> Answer {
    let called = |run: &mut Run<'_>, helper: u32| {
        let helper = HelperId::from_number(helper).ok_or(FaultCause::NotExecutable)?;
        let mut registers = Registers::new();
        for (register, value) in [
            (Reg::R1, r1),
            (Reg::R2, r2),
            (Reg::R3, r3),
            (Reg::R4, r4),
            (Reg::R5, r5),
        ] {
            registers.set(register, value);
        }
        let call = Call {
            registers: &registers,
            view: &mut run.caller,
            scratch: run.scratch,
            environment: run.environment,
        };
        call.run(helper)
    };
    // SAFETY: the caller's promise.
    unsafe { answer(state, called) }
}

/// [`Fast::HashLookup4`](super::Fast::HashLookup4) and its like.
///
/// # Safety
/// As [`answer`].
pub(super) unsafe extern "C" fn hash_lookup<const KEY: usize>(
    map: u64,
    key: u64,
    _: u64,
    _: u64,
    _: u64,
    state: *mut State,
) -> Answer {
    let called = |run: &mut Run<'_>, _: u32| {
        let key = run.caller.key::<KEY>(key)?;
        let map = u32::try_from(map).map_err(|_| FaultCause::NotAMap { value: map })?;
        let found = run.caller.map(map).and_then(|map| map.find_and_use(&key));
        Ok(found.map_or(0, |slot| run.caller.value_address(map, slot)))
    };
    // SAFETY: the caller's promise.
    unsafe { answer(state, called) }
}

/// [`Fast::Clock`](super::Fast::Clock).
///
/// # Safety
/// As [`answer`].
pub(super) unsafe extern "C" fn clock(
    _: u64,
    _: u64,
    _: u64,
    _: u64,
    _: u64,
    state: *mut State,
) -> Answer {
    // SAFETY: the caller's promise.
    unsafe { answer(state, |run, _| Ok(run.environment.clock_ns())) }
}

/// [`Fast::Random`](super::Fast::Random).
///
/// # Safety
/// As [`answer`].
pub(super) unsafe extern "C" fn random(
    _: u64,
    _: u64,
    _: u64,
    _: u64,
    _: u64,
    state: *mut State,
) -> Answer {
    // SAFETY: the caller's promise.
    unsafe { answer(state, |run, _| Ok(u64::from(run.environment.random_u32()))) }
}
