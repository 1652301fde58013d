//! What machine code knows of a run.

use core::mem::offset_of;
use core::ptr::NonNull;

use platform_click::{PacketContext, limits};

use super::call::{self, Called, Run};
use super::{StackMemory, address_of};
use crate::fault::{Fault, FaultCause};
use crate::number::{index, wide};
use crate::packet::{Annotations, Packet};

/// The state of a run, as machine code sees it; [`layout`] has the offsets of its fields.
///
/// A program has no pointer to it: its context lies elsewhere, in memory with nothing beside it, and so
/// do its frames, its data and the values of maps. Nor is there the address of a function in it.
#[repr(C)]
#[derive(Debug)]
pub struct State {
    /// Fuel: what the run was given when the code is entered, what is left when it returns.
    pub(super) fuel: u64,
    /// The end of the frames.
    stack_top: u64,
    /// Where the code keeps its stack pointer for the case that the program is stopped.
    landing_stack: u64,
    /// The helper that [`Fast::Any`] is to call, by number.
    pub(super) helper: u32,
    /// Why the program was stopped: one of [`Stopped`], or 0.
    stopped: u32,
    /// Where: a slot, or an offset in the code if the machine refused an access.
    stopped_at: u64,
    /// The address that the machine refused.
    stopped_address: u64,
    /// The run that the code belongs to, if it calls functions of the runtime.
    pub(super) run: *mut Run<'static>,
    /// The context of the run, which is the program's first argument.
    context: NonNull<PacketContext>,
    /// Addresses of the first values of arrays, by index of the map.
    pub(super) values: [u64; limits::MAX_MAPS],
    /// Addresses of data sections, by index.
    pub(super) data: [u64; limits::MAX_DATA_SECTIONS],
}

/// Offsets of the fields of [`State`] that machine code uses, in bytes.
pub mod layout {
    use super::{State, offset_of};

    /// `u64`: fuel.
    pub const FUEL: usize = offset_of!(State, fuel);
    /// `u64`: the end of the frames, which is the frame pointer of the first.
    pub const STACK_TOP: usize = offset_of!(State, stack_top);
    /// `u64`: for the code to keep its stack pointer in.
    pub const LANDING_STACK: usize = offset_of!(State, landing_stack);
    /// `u32`: the number of the helper that `Fast::Any` calls.
    pub const HELPER: usize = offset_of!(State, helper);
    /// `u32`: why the program was stopped, see [`Stopped`](super::Stopped).
    pub const STOPPED: usize = offset_of!(State, stopped);
    /// `u64`: the slot where the program was stopped, or an offset in the code.
    pub const STOPPED_AT: usize = offset_of!(State, stopped_at);
    /// `u64`: the address that the machine refused.
    pub const STOPPED_ADDRESS: usize = offset_of!(State, stopped_address);

    /// Bytes from one value of an array to the next.
    #[must_use]
    pub const fn value_stride(value_size: u32) -> usize {
        crate::map::value_stride(value_size)
    }

    /// `u64`: the address of the first value of the array with this index.
    #[must_use]
    pub const fn values(map: usize) -> usize {
        offset_of!(State, values).saturating_add(map.saturating_mul(8))
    }

    /// `u64`: the address of the data section with this index.
    #[must_use]
    pub const fn data(section: usize) -> usize {
        offset_of!(State, data).saturating_add(section.saturating_mul(8))
    }
}

/// Functions of the runtime that machine code calls. Each takes the program's `r1` to `r5` and the
/// state as the six arguments of a C function, and gives two numbers in `rax` and `rdx`: what belongs
/// into `r0`, and whether the program is to be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fast {
    /// Any helper; its number is in [`layout::HELPER`].
    Any,
    /// `bpf_map_lookup_elem` of a hash map with keys of 4 bytes, whose index is in `r1`.
    HashLookup4,
    /// The same with keys of 8 bytes.
    HashLookup8,
    /// The same with keys of 16 bytes.
    HashLookup16,
    /// `bpf_ktime_get_ns`; never stops the program.
    Clock,
    /// `bpf_get_prandom_u32`; never stops the program.
    Random,
}

impl Fast {
    /// Where the function lies. It belongs into the code itself, which nobody can write.
    #[must_use]
    pub fn address(self) -> u64 {
        let function: Called = match self {
            Self::Any => call::any,
            Self::HashLookup4 => call::hash_lookup::<4>,
            Self::HashLookup8 => call::hash_lookup::<8>,
            Self::HashLookup16 => call::hash_lookup::<16>,
            Self::Clock => call::clock,
            Self::Random => call::random,
        };
        #[expect(
            clippy::as_conversions,
            reason = "only a cast makes a pointer of a function"
        )]
        let pointer = function as *mut u8;
        address_of(pointer)
    }
}

/// Why machine code stopped a program; a number in [`layout::STOPPED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The fuel is used up.
    Fuel,
    /// A helper found a fault.
    Helper,
    /// An instruction or edge was reached that a proof says is not.
    Unreachable,
    /// The machine refused an access: [`layout::STOPPED_ADDRESS`] is the address, and
    /// [`layout::STOPPED_AT`] the offset of the instruction in the code.
    Access,
}

impl Stopped {
    /// The number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Fuel => 1,
            Self::Helper => 2,
            Self::Unreachable => 3,
            Self::Access => 4,
        }
    }
}

/// What a program takes for the map with this index: a number that helpers know and that is no
/// address, since the lowest pages are never mapped.
#[must_use]
pub const fn map_handle(map: u32) -> u64 {
    0x800_u64.saturating_add(wide(index(map)))
}

impl State {
    pub(super) fn new(stack: &dyn StackMemory, context: NonNull<PacketContext>) -> Self {
        Self {
            fuel: 0,
            stack_top: address_of(stack.top().as_ptr()),
            landing_stack: 0,
            helper: 0,
            stopped: 0,
            stopped_at: 0,
            stopped_address: 0,
            run: core::ptr::null_mut(),
            context,
            values: [0; limits::MAX_MAPS],
            data: [0; limits::MAX_DATA_SECTIONS],
        }
    }

    /// The end of the frames, as an address.
    pub(super) const fn stack_top(&self) -> u64 {
        self.stack_top
    }

    /// Where the context lies.
    pub(super) const fn context(&self) -> NonNull<PacketContext> {
        self.context
    }

    /// This run's copy of the context.
    #[inline]
    pub(super) const fn context_mut(&mut self) -> &mut PacketContext {
        // SAFETY: memory for a context, which is initialised and belongs to the `Native` of this state
        // alone. No machine code runs now, and whoever has the state has it for himself.
        unsafe { self.context.as_mut() }
    }

    /// Whether the code stopped the program.
    pub(super) const fn is_stopped(&self) -> bool {
        self.stopped != 0
    }

    /// Why and where the run was stopped; the next one starts without.
    #[cold]
    pub(super) fn take_fault(
        &mut self,
        fuel: u64,
        by_helper: Option<FaultCause>,
        slot_of: impl FnOnce(u64) -> u32,
    ) -> Fault {
        const FUEL: u32 = number(Stopped::Fuel);
        const HELPER: u32 = number(Stopped::Helper);
        const ACCESS: u32 = number(Stopped::Access);
        let at = self.stopped_at;
        let mut slot = u32::try_from(at).unwrap_or(u32::MAX);
        let cause = match core::mem::take(&mut self.stopped) {
            FUEL => FaultCause::OutOfFuel { fuel },
            HELPER => by_helper.unwrap_or(FaultCause::NotExecutable),
            ACCESS => {
                slot = slot_of(at);
                FaultCause::Refused {
                    address: self.stopped_address,
                }
            }
            _ => FaultCause::Unreachable,
        };
        Fault { slot, cause }
    }
}

/// The context of a run on `packet`.
#[inline]
pub(super) fn context_of(packet: &mut Packet) -> PacketContext {
    let (data, data_end) = place_of(packet);
    // Exhaustive: an annotation added there must be thought of here.
    let Annotations {
        port,
        mark,
        rx_time_ns,
        delay_ns,
    } = packet.annotations;
    PacketContext {
        data,
        data_end,
        port,
        mark,
        rx_time_ns,
        delay_ns,
    }
}

/// Where the packet begins and ends.
#[inline]
pub(super) fn place_of(packet: &mut Packet) -> (u64, u64) {
    let bytes = packet.bytes_mut();
    let start = address_of(bytes.as_mut_ptr());
    (start, start.wrapping_add(wide(bytes.len())))
}

/// Copies the fields back that a program may change for good.
#[inline]
pub(super) const fn read_back(context: &PacketContext, annotations: &mut Annotations) {
    annotations.mark = context.mark;
    annotations.delay_ns = context.delay_ns;
}

#[expect(clippy::as_conversions, reason = "widening; `From` is not const")]
const fn number(stopped: Stopped) -> u32 {
    stopped.number() as u32
}

// `PacketContext` is the context as programs see it: the machine code's are little-endian, too.
const _: () = assert!(cfg!(target_endian = "little"));
// Handles of maps lie in the lowest page.
const _: () = assert!(map_handle(u32::MAX >> 20) < 4096 * 2 && limits::MAX_MAPS < 0x800);
