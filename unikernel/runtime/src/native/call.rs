//! The functions that machine code calls.

use core::fmt;
use core::ptr::NonNull;

use bpf_object::Reg;
use platform_click::HelperId;

use super::caller::NativeCaller;
use super::state::{State, Stopped};
use super::{Objects, address_of};
use crate::environment::Environment;
use crate::fault::FaultCause;
use crate::helper::{Call, Caller as _, Scratch};
use crate::packet::Packet;
use crate::registers::Registers;

/// What changes from run to run.
pub(super) struct Run<'a> {
    pub(super) packet: &'a mut Packet,
    pub(super) environment: &'a mut dyn Environment,
}

/// A call out of a run.
struct Calling<'a> {
    caller: NativeCaller<'a>,
    maps_changed: &'a mut bool,
    scratch: &'a mut Scratch,
    environment: &'a mut dyn Environment,
    /// The helper that [`any`] is to call, by number.
    helper: u32,
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
    called: impl FnOnce(Calling<'_>) -> Result<u64, FaultCause>,
) -> Answer {
    // SAFETY: `Native::run` entered the code with a pointer to its objects, of which the state is the
    // first. It waits for the code and does not use them meanwhile; the reference ends before the code
    // goes on.
    let objects = unsafe { &mut *state.cast::<Objects>() };
    let Objects {
        state,
        maps,
        maps_changed,
        calls: _,
        data,
        scratch,
        fault,
    } = objects;
    let helper = state.helper;
    // SAFETY: it is the `Run` of `Native::run`, of which the same is true.
    let Run {
        packet,
        environment,
    } = unsafe { &mut *state.run };
    let calling = Calling {
        caller: NativeCaller {
            state: NonNull::from(state),
            maps,
            data,
            packet,
        },
        maps_changed,
        scratch,
        environment: &mut **environment,
        helper,
    };
    match called(calling) {
        Ok(value) => Answer::value(value),
        Err(cause) => {
            *fault = Some(cause);
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
    let called = |mut calling: Calling<'_>| {
        let helper = HelperId::from_number(calling.helper).ok_or(FaultCause::NotExecutable)?;
        *calling.maps_changed = true;
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
            view: &mut calling.caller,
            scratch: calling.scratch,
            environment: calling.environment,
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
    let called = |mut calling: Calling<'_>| {
        let key = calling.caller.key::<KEY>(key)?;
        let map = u32::try_from(map).map_err(|_| FaultCause::NotAMap { value: map })?;
        let found = calling.caller.map(map);
        let found = found.and_then(|map| map.use_value_of(&key));
        Ok(found.map_or(0, |value| address_of(value.as_mut_ptr())))
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
    unsafe { answer(state, |calling| Ok(calling.environment.clock_ns())) }
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
    unsafe { answer(state, |calling| Ok(calling.environment.random_u32().into())) }
}
