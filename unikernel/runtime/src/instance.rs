//! A program that is ready to run.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use bpf_object::{Image, Insn};
use platform_click::{Code, HelperId, ProgramKind};

use crate::address::{Addresses, Layout};
use crate::codes;
use crate::environment::Environment;
use crate::fault::Fault;
use crate::helper::Scratch;
use crate::interpreter::{NoObserver, Observer, Run};
use crate::map::Maps;
use crate::memory::{Memory, View};
use crate::packet::Packet;
use crate::stack::Stack;

/// Why an image cannot become an instance.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A call of a helper that the platform does not have.
    #[error("slot {slot}: the platform has no helper {id}")]
    UnknownHelper {
        /// Where.
        slot: u32,
        /// The helper's number.
        id: u32,
    },
    /// A call of a helper that programs of this kind may not call.
    #[error("slot {slot}: a {kind} may not call {helper}")]
    HelperKind {
        /// Where.
        slot: u32,
        /// The helper's name.
        helper: &'static str,
        /// The program's kind.
        kind: ProgramKind,
    },
    /// The maps are not those of the image, in name, shape and order.
    #[error("the program needs the maps {needed:?} and is given others")]
    Maps {
        /// The names of the image's maps.
        needed: Vec<String>,
    },
    /// There is no memory for a data section or the context.
    #[error("no memory for {0} bytes of a data section or the context")]
    OutOfMemory(usize),
}

impl LoadError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::UnknownHelper { .. } | Self::HelperKind { .. } => codes::HELPER,
            Self::Maps { .. } => codes::MAP_SHAPE,
            Self::OutOfMemory(_) => codes::MAP_MEMORY,
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What the program returned; the caller judges it by the program's kind.
    pub value: u64,
    /// Instructions executed. A wide load counts once, the final exit counts.
    pub instructions: u64,
    /// Most frames in use at once, 1 without a local call.
    pub call_depth: usize,
    /// Bytes from the top of the stack to the lowest byte accessed. Frames lie 512 bytes apart,
    /// whatever they use.
    pub stack_bytes: usize,
}

/// A program with its maps, its copies of its data sections, and all that a run needs.
#[derive(Debug)]
pub struct Instance {
    kind: ProgramKind,
    code: Box<[Insn]>,
    memory: Memory,
    scratch: Scratch,
}

impl Instance {
    /// Makes `image` ready to run on `maps`, which were made of [`Image::maps`]. Data sections start
    /// with the image's contents; all of them are copies that the program may write.
    ///
    /// # Errors
    /// A helper that the platform does not have or that the kind may not call; other maps.
    pub fn new(image: &Image, maps: Maps) -> Result<Self, LoadError> {
        check_image(image, &maps)?;
        let data = image.data().iter();
        let data = data
            .map(|section| section.bytes.as_slice().into())
            .collect();
        Ok(Self {
            kind: image.kind(),
            code: image.code().into(),
            scratch: Scratch::new(maps.iter()),
            memory: Memory {
                layout: Layout::new(0),
                stack: Stack::new(),
                maps,
                data,
                generation: 0,
            },
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
        &self.memory.maps
    }

    /// The program's maps, for the control plane.
    pub const fn maps_mut(&mut self) -> &mut Maps {
        &mut self.memory.maps
    }

    /// Ends the program and gives its maps.
    #[must_use]
    pub fn into_maps(self) -> Maps {
        self.memory.maps
    }

    /// Takes over the maps of a program that this one replaces, as [`Maps::adopt`] does.
    ///
    /// # Errors
    /// An equal name with another shape; nothing has changed then.
    pub fn adopt_maps(&mut self, replaced: &mut Self) -> Result<(), crate::MapsError> {
        self.memory.maps.adopt(&mut replaced.memory.maps)
    }

    /// The program's copy of the data section with this index in the image.
    #[must_use]
    pub fn data(&self, section: usize) -> Option<&[u8]> {
        self.memory.data.get(section).map(AsRef::as_ref)
    }

    /// Chooses the addresses that the program sees from the next run on. Whatever the seed, a
    /// correct program behaves the same; a trial draws many, so that a program cannot know where to
    /// find what it was not given.
    pub const fn set_address_seed(&mut self, seed: u64) {
        self.memory.layout = Layout::new(seed);
    }

    /// What pointers of the program mean in the next run.
    #[must_use]
    pub const fn addresses(&self) -> Addresses {
        Addresses::new(self.memory.layout)
    }

    /// Runs the program on `packet`, for at most `fuel` instructions.
    ///
    /// Of the context, `mark` and `delay_ns` are copied back into the packet's annotations. A program
    /// that sees no packet runs on [`Packet::empty`].
    ///
    /// # Errors
    /// The fault that stopped the run. The packet may have been changed in part and must be
    /// dropped; its annotations are those from before. Maps and data keep what the program wrote.
    pub fn run(
        &mut self,
        packet: &mut Packet,
        environment: &mut dyn Environment,
        fuel: u64,
    ) -> Result<Outcome, Fault> {
        self.run_observed(packet, environment, fuel, &mut NoObserver)
    }

    /// [`Self::run`] with an observer of every step.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_observed(
        &mut self,
        packet: &mut Packet,
        environment: &mut dyn Environment,
        fuel: u64,
        observer: &mut impl Observer,
    ) -> Result<Outcome, Fault> {
        let view = View::new(&mut self.memory, packet);
        Run::new(&self.code, view, &mut self.scratch, environment).run(fuel, observer)
    }
}

/// Whether `image` can run on `maps`.
pub(crate) fn check_image(image: &Image, maps: &Maps) -> Result<(), LoadError> {
    check_helpers(image)?;
    if maps.match_definitions(image.maps()) {
        return Ok(());
    }
    let needed = image.maps().iter().map(|map| map.name.clone()).collect();
    Err(LoadError::Maps { needed })
}

fn check_helpers(image: &Image) -> Result<(), LoadError> {
    for (slot, insn) in (0_u32..).zip(image.code()) {
        let Insn::CallHelper { id } = *insn else {
            continue;
        };
        let helper = HelperId::from_number(id).ok_or(LoadError::UnknownHelper { slot, id })?;
        let spec = helper.spec();
        if !spec.kinds.contains(image.kind()) {
            return Err(LoadError::HelperKind {
                slot,
                helper: spec.name,
                kind: image.kind(),
            });
        }
    }
    Ok(())
}
