//! Machine code with what it works on.

use alloc::boxed::Box;

use bpf_loader::AdmittedProgram;
use bpf_object::Image;
use bpf_runtime::native::{self, Entry, Native, Returned};
use bpf_runtime::{Environment, Errno, Fault, Maps, MapsError, Packet};
use platform_click::ProgramKind;

use crate::error::JitError;
use crate::memory::{MachineMemory, SealedCode};
use crate::options::{Options, Reach};
use crate::{MachineCode, compile};

/// A program as machine code, with its maps, its copies of its data sections, and its stack.
#[derive(Debug)]
pub struct Program {
    native: Native,
    code: MachineCode,
    /// Where the sealed code begins.
    entry: Entry,
    /// The memory of the code.
    _sealed: Box<dyn SealedCode>,
}

/// What is left of a program whose maps were taken: memory to be given back.
#[derive(Debug)]
pub struct Spent {
    _native: native::Spent,
    _code: MachineCode,
    _sealed: Box<dyn SealedCode>,
}

impl Program {
    /// Compiles a program that was admitted, to run on `maps`, which were made of its image's. What
    /// its statement says is not reached is out of reach, beside what `options` say.
    ///
    /// # Errors
    /// It cannot be compiled, there is no memory, or the runtime does not take it.
    pub fn admitted(
        program: &AdmittedProgram,
        options: &Options<'_>,
        maps: Maps,
        memory: &mut dyn MachineMemory,
    ) -> Result<Self, JitError> {
        let reach = Stated {
            program,
            beside: options.reach,
        };
        let options = &Options {
            reach: &reach,
            ..*options
        };
        // SAFETY: the loader admits only what the verifier proved to be safe and signed.
        unsafe { Self::unverified(program.image(), options, maps, memory) }
    }

    /// Compiles any image: for tests and tools.
    ///
    /// # Errors
    /// As [`Self::admitted`].
    ///
    /// # Safety
    /// On no path and for no packet does the program access anything but its frames, its context, the
    /// packet between `data` and `data_end`, values that a lookup gave it, and its data.
    pub unsafe fn unverified(
        image: &Image,
        options: &Options<'_>,
        maps: Maps,
        memory: &mut dyn MachineMemory,
    ) -> Result<Self, JitError> {
        let code = compile(image, options)?;
        let native = Native::new(image, maps, memory.stack()?, memory)?;
        let sealed = memory.seal(&code)?;
        // SAFETY: the compiler's code begins with a function of this type, and `SealedCode` promises
        // that it lies there and can be executed as long as it lives, which is as long as this value.
        let entry = unsafe { core::mem::transmute::<*mut u8, Entry>(sealed.start().as_ptr()) };
        Ok(Self {
            native,
            code,
            entry,
            _sealed: sealed,
        })
    }

    /// Its machine code.
    #[must_use]
    pub const fn code(&self) -> &MachineCode {
        &self.code
    }

    /// What the program is for.
    #[must_use]
    pub const fn kind(&self) -> ProgramKind {
        self.native.kind()
    }

    /// The program's maps.
    #[must_use]
    pub const fn maps(&self) -> &Maps {
        self.native.maps()
    }

    /// Changes the map with this index in the image, as [`Map::update`](bpf_runtime::Map::update)
    /// does.
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
        self.native.update(map, key, value, flags)
    }

    /// Changes the map with this index in the image, as [`Map::delete`](bpf_runtime::Map::delete)
    /// does.
    ///
    /// # Errors
    /// As there; [`Errno::Invalid`] when there is no such map.
    pub fn delete(&mut self, map: usize, key: &[u8]) -> Result<(), Errno> {
        self.native.delete(map, key)
    }

    /// Takes over the maps of a program that this one replaces, as [`Maps::adopt`] does.
    ///
    /// # Errors
    /// An equal name with another shape; nothing has changed then.
    pub fn adopt_maps(&mut self, replaced: &mut Self) -> Result<(), MapsError> {
        self.native.adopt_maps_of(&mut replaced.native)
    }

    /// [`Self::adopt_maps`] of maps that no program has, or one that was interpreted.
    ///
    /// # Errors
    /// As there.
    pub fn adopt_maps_from(&mut self, replaced: &mut Maps) -> Result<(), MapsError> {
        self.native.adopt_maps(replaced)
    }

    /// Ends the program: gives its maps, and what is left, which may be dropped later. Giving pages
    /// back takes the system longer than a packet should wait.
    #[must_use]
    pub fn into_maps(self) -> (Maps, Spent) {
        let (maps, native) = self.native.into_maps();
        let spent = Spent {
            _native: native,
            _code: self.code,
            _sealed: self._sealed,
        };
        (maps, spent)
    }

    /// The program's copy of the data section with this index in the image.
    #[must_use]
    pub fn data(&self, section: usize) -> Option<&[u8]> {
        self.native.data(section)
    }

    /// Runs the program on `packet`, with as much fuel as it may use; the crate's documentation says
    /// what is charged.
    ///
    /// Of the context, `mark` and `delay_ns` are copied back into the packet's annotations. A program
    /// that sees no packet runs on [`Packet::empty`].
    ///
    /// # Errors
    /// The fault that stopped the run. The packet may have been changed in part and must be dropped;
    /// its annotations are those from before. Maps and data keep what the program wrote.
    #[inline]
    pub fn run(
        &mut self,
        packet: &mut Packet,
        environment: &mut dyn Environment,
        fuel: u64,
    ) -> Result<Returned, Fault> {
        let slot_of = |offset| self.code.slot_at(offset);
        // SAFETY: the code was made of the image that `native` was made of, and whoever made the
        // program promised that it is safe.
        unsafe {
            self.native
                .run(self.entry, packet, environment, fuel, slot_of)
        }
    }
}

/// What is out of reach by a program's statement, or for another reason.
#[derive(Debug)]
struct Stated<'a> {
    program: &'a AdmittedProgram,
    beside: &'a dyn Reach,
}

impl Stated<'_> {
    fn way(&self, slot: u32, taken: bool) -> bool {
        !self.program.claims().unreached.has_way(slot, taken)
    }
}

impl Reach for Stated<'_> {
    fn reachable(&self, slot: u32) -> bool {
        self.beside.reachable(slot) && !self.program.claims().unreached.has_slot(slot)
    }

    fn taken(&self, slot: u32) -> bool {
        self.beside.taken(slot) && self.way(slot, true)
    }

    fn passed(&self, slot: u32) -> bool {
        self.beside.passed(slot) && self.way(slot, false)
    }
}
