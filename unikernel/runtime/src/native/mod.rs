//! The runtime of machine code: what a compiled program shares with the interpreter, and how.
//!
//! Machine code works on the real packet, the real values of maps and the real data sections, through
//! addresses that it gets from its context, from a [`State`] and from helpers. Helpers, maps, packets and their rules
//! are those of the interpreter; only the addresses differ. The compiler (`bpf-jit`) depends on the
//! layout of [`State`]; nothing else of this module is known to it.
//!
//! # Who owns what while machine code runs
//! [`Native::run`] borrows everything that the program can reach and enters the code. While the code
//! runs, no Rust reference to any of it is used; when it calls a helper, `call` makes references of
//! the pointers again, uses them, and drops them before it returns to the code. So at any time either
//! machine code or Rust uses the memory, never both, and Rust reads anew what machine code wrote,
//! since the code is called through a pointer that the compiler cannot look behind.

mod call;
mod caller;
mod memory;
mod state;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use bpf_object::{Image, Insn};
use platform_click::{PacketContext, ProgramKind};

use crate::environment::Environment;
use crate::fault::{Fault, FaultCause};
use crate::helper::Scratch;
use crate::instance::{LoadError, check_image};
use crate::map::{Errno, Map, Maps, MapsError};
use crate::number::index;
use crate::object_bytes::ObjectBytes;
use crate::packet::Packet;

use call::Run;
pub use memory::{ObjectMemory, ObjectMemorySource, StackMemory};
pub use state::{Fast, State, Stopped, layout, map_handle};

/// Where machine code is entered, as a C function: with the program's `r1`, which is its context, with
/// `r2` to `r5`, which are unset, and with the state as the sixth argument, as functions are called that
/// machine code calls. It may change nothing but what the two lead to, returns what the program returns,
/// and leaves [`layout::STOPPED`] and what belongs to it in the state when the program was stopped.
pub type Entry =
    unsafe extern "C" fn(*mut PacketContext, Unset, Unset, Unset, Unset, *mut State) -> u64;

/// An argument that nobody reads.
pub type Unset = MaybeUninit<u64>;

/// What `bpf_get_smp_processor_id` gives, always: machine code need not ask.
pub const CPU: u64 = crate::helper::CPU;

/// Bytes of all frames.
pub const STACK_SIZE: usize = crate::stack::STACK_SIZE;

/// What a run of machine code came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Returned {
    /// What the program returned; the caller judges it by the program's kind.
    pub value: u64,
    /// Fuel that was charged: never more than the instructions that were executed.
    pub fuel: u64,
}

/// A program's maps, data and stack, for machine code that was made of its image.
#[derive(Debug)]
pub struct Native {
    kind: ProgramKind,
    /// The frames, to which the state points.
    _stack: Box<dyn StackMemory>,
    /// The context, to which the state points.
    _context: ObjectBytes,
    /// Made by `Box::leak`, freed on drop; used through this pointer alone.
    objects: NonNull<Objects>,
}

/// What a program works on from run to run, in one place, so that a run has little to prepare.
#[repr(C)]
#[derive(Debug)]
struct Objects {
    /// First: the functions that machine code calls get a pointer to this, and find the rest behind it.
    state: State,
    maps: Maps,
    /// Whether entries may have been deleted since the last run began.
    maps_changed: bool,
    /// Whether machine code calls functions of the runtime.
    calls: bool,
    /// The program's copies of its data sections, by index.
    data: Vec<ObjectBytes>,
    scratch: Scratch,
    /// What stopped the program in a helper.
    fault: Option<FaultCause>,
}

impl Native {
    /// Makes what the machine code of `image` works on, as [`Instance::new`](crate::Instance::new)
    /// does for the interpreter.
    ///
    /// # Errors
    /// A helper that the platform does not have or that the kind may not call; other maps; no memory for
    /// data.
    pub fn new(
        image: &Image,
        maps: Maps,
        stack: Box<dyn StackMemory>,
        memory: &mut dyn ObjectMemorySource,
    ) -> Result<Self, LoadError> {
        check_image(image, &maps)?;
        let mut context = ObjectBytes::new(size_of::<PacketContext>(), Some(memory))
            .ok_or(LoadError::OutOfMemory(size_of::<PacketContext>()))?;
        let mut data = Vec::new();
        for section in image.data() {
            let len = section.bytes.len();
            let copy = ObjectBytes::new(len, Some(memory));
            let mut copy = copy.ok_or(LoadError::OutOfMemory(len))?;
            copy.copy_from_slice(&section.bytes);
            data.push(copy);
        }
        let mut objects = Box::new(Objects {
            state: State::new(&*stack, context_in(&mut context)),
            scratch: Scratch::new(maps.iter()),
            maps_changed: true,
            calls: image
                .code()
                .iter()
                .any(|insn| matches!(insn, Insn::CallHelper { .. })),
            maps,
            data,
            fault: None,
        });
        objects.place();
        Ok(Self {
            kind: image.kind(),
            _stack: stack,
            _context: context,
            objects: NonNull::from(Box::leak(objects)),
        })
    }

    /// What the program is for.
    #[must_use]
    pub const fn kind(&self) -> ProgramKind {
        self.kind
    }

    /// The program's maps.
    #[must_use]
    pub const fn maps(&self) -> &Maps {
        &self.objects().maps
    }

    const fn objects(&self) -> &Objects {
        // SAFETY: made by `new`, freed by `drop`; machine code runs only under `&mut self`.
        unsafe { self.objects.as_ref() }
    }

    const fn objects_mut(&mut self) -> &mut Objects {
        // SAFETY: as above, and nothing else uses it now.
        unsafe { self.objects.as_mut() }
    }

    /// [`Map::update`](crate::Map::update) of the map with this index in the image.
    ///
    /// Maps are changed here and by [`Self::delete`] alone: machine code knows their shape and place,
    /// so that none may be exchanged for another.
    ///
    /// # Errors
    /// As there; [`Errno::Invalid`] when there is no such map.
    pub fn update(
        &mut self,
        map: usize,
        key: &[u8],
        value: &[u8],
        flags: u64,
    ) -> Result<(), Errno> {
        self.map_to_change(map)?.update(key, value, flags)
    }

    /// [`Map::delete`](crate::Map::delete) of the map with this index in the image.
    ///
    /// # Errors
    /// As there; [`Errno::Invalid`] when there is no such map.
    pub fn delete(&mut self, map: usize, key: &[u8]) -> Result<(), Errno> {
        self.map_to_change(map)?.delete(key)
    }

    fn map_to_change(&mut self, map: usize) -> Result<&mut Map, Errno> {
        let objects = self.objects_mut();
        objects.maps_changed = true;
        objects.maps.get_mut(map).ok_or(Errno::Invalid)
    }

    /// Takes over the maps of a program that this one replaces, as [`Maps::adopt`] does.
    ///
    /// # Errors
    /// An equal name with another shape; nothing has changed then.
    pub fn adopt_maps(&mut self, replaced: &mut Maps) -> Result<(), MapsError> {
        let objects = self.objects_mut();
        objects.maps.adopt(replaced)?;
        objects.place();
        Ok(())
    }

    /// [`Self::adopt_maps`] from a program that was machine code, too.
    ///
    /// # Errors
    /// As there.
    pub fn adopt_maps_of(&mut self, replaced: &mut Self) -> Result<(), MapsError> {
        let replaced = replaced.objects_mut();
        let adopted = self.adopt_maps(&mut replaced.maps);
        replaced.place();
        adopted
    }

    /// Ends the program: gives its maps, and what is left, which may be dropped later.
    #[must_use]
    pub fn into_maps(mut self) -> (Maps, Spent) {
        let maps = core::mem::take(&mut self.objects_mut().maps);
        (maps, Spent { _native: self })
    }

    /// The program's copy of the data section with this index in the image.
    #[must_use]
    pub fn data(&self, section: usize) -> Option<&[u8]> {
        self.objects().data.get(section).map(|data| &**data)
    }

    /// Runs the program on `packet`, with as much fuel as it may use.
    ///
    /// Of the context, `mark` and `delay_ns` are copied back into the packet's annotations.
    ///
    /// # Errors
    /// The fault that stopped the run, as with [`Instance::run`](crate::Instance::run). Its slot is
    /// that of the instruction at fault; of an access that the machine refused, `slot_of` finds it
    /// by the offset in the code.
    ///
    /// # Safety
    /// `entry` leads to machine code that `bpf-jit` made of the image that this value was made of,
    /// and that image was proved to be safe: on no path does it access anything but its frames, its
    /// context, the packet between `data` and `data_end`, values that a lookup gave it, and its data.
    #[inline]
    pub unsafe fn run(
        &mut self,
        entry: Entry,
        packet: &mut Packet,
        environment: &mut dyn Environment,
        fuel: u64,
        slot_of: impl FnOnce(u64) -> u32,
    ) -> Result<Returned, Fault> {
        let state: *mut State = self.objects.as_ptr().cast();
        let objects = self.objects_mut();
        if objects.maps_changed {
            objects.begin_maps();
        }
        let context = objects.state.context().as_ptr();
        // SAFETY: memory for a context that belongs to this value alone, and no code runs now.
        unsafe { context.write(state::context_of(packet)) };
        objects.state.fuel = fuel;
        let enter = || {
            let unset = Unset::uninit;
            // SAFETY: the caller's promise about `entry`. The state is complete, the objects lie behind
            // it, and what it leads to outlives the call.
            unsafe { entry(context, unset(), unset(), unset(), unset(), state) }
        };
        let value = if objects.calls {
            let mut run = Run {
                packet: &mut *packet,
                environment,
            };
            objects.state.run = (&raw mut run).cast();
            enter()
        } else {
            // Nobody asks for the run.
            enter()
        };
        let Objects { state, fault, .. } = self.objects_mut();
        if state.is_stopped() {
            return Err(state.take_fault(fuel, fault.take(), slot_of));
        }
        // SAFETY: as above; the code has returned.
        state::read_back(unsafe { &*context }, &mut packet.annotations);
        Ok(Returned {
            value,
            fuel: fuel.saturating_sub(state.fuel),
        })
    }
}

impl Objects {
    /// Tells the state where arrays and data lie, after maps have come or gone.
    fn place(&mut self) {
        self.maps_changed = true;
        for (place, map) in self.state.values.iter_mut().zip(self.maps.iter_mut()) {
            *place = map.first_value().map_or(0, address_of);
        }
        for (place, data) in self.state.data.iter_mut().zip(&mut self.data) {
            *place = address_of(data.as_mut_ptr());
        }
    }

    /// Memory of what was deleted before may be used again.
    #[cold]
    fn begin_maps(&mut self) {
        self.maps_changed = false;
        self.maps.begin_run();
    }
}

/// What is left of a program whose maps were taken. It never runs again: dropping it gives its memory
/// back.
#[derive(Debug)]
pub struct Spent {
    _native: Native,
}

// SAFETY: the objects belong to this value alone, which no thread shares: it is reached through
// `&mut self`. The pointer to the run in it is used only while `run` lasts, so that it is never
// carried to another thread.
unsafe impl Send for Native {}

impl Drop for Native {
    fn drop(&mut self) {
        // SAFETY: made by `Box::leak` in `new`, and not used after this.
        drop(unsafe { Box::from_raw(self.objects.as_ptr()) });
    }
}

/// Memory for a context, as one.
fn context_in(bytes: &mut ObjectBytes) -> NonNull<PacketContext> {
    let start = NonNull::from(&mut **bytes).cast::<u8>();
    // What programs and helpers access through the number is this memory.
    let _ = address_of(start.as_ptr());
    start.cast()
}

/// What machine code takes for a pointer. The provenance is exposed: what machine code or a helper
/// accesses later through a number of this value is this object.
fn address_of(pointer: *mut u8) -> u64 {
    crate::number::wide(pointer.expose_provenance())
}

/// The number of a map that a program refers to, if `value` is one.
fn map_of_handle(value: u64, maps: &Maps) -> Result<u32, FaultCause> {
    let map = u32::try_from(value.wrapping_sub(map_handle(0))).ok();
    let exists = |map: &u32| maps.get(index(*map)).is_some();
    map.filter(exists).ok_or(FaultCause::NotAMap { value })
}
