//! What the checker reads of a platform: the fields of the context, the prototypes of helpers, and
//! what programs may return.
//!
//! Products run on one platform, [`Click`], whose tables are `platform-click`'s. Others exist for tests
//! that compare the checker with the verifiers of other platforms.

use core::ops::RangeInclusive;

use platform_click::{ArgKind, CONTEXT, ContextField, HelperId, ProgramKind, ReturnKind};

use crate::finding::Cause;

/// The tables of a platform.
pub trait Platform {
    /// The fields of the context. An access goes to the first one that it fits.
    fn context(&self) -> &'static [ContextField];

    /// The prototype of the helper with this number.
    ///
    /// # Errors
    /// There is none, or not for programs of this kind.
    fn helper(&self, id: u32, kind: ProgramKind) -> Result<Prototype, Cause>;

    /// What programs of this kind may return.
    fn returns(&self, kind: ProgramKind) -> RangeInclusive<u64>;
}

/// What a helper takes and leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prototype {
    /// Its name.
    pub name: &'static str,
    /// What it is on the Click platform.
    pub id: Option<HelperId>,
    /// What it takes in `r1` to `r5`.
    pub args: [Argument; 5],
    /// What it leaves in `r0`.
    pub ret: Returned,
    /// Whether it may move the packet.
    pub reallocates_packet: bool,
}

/// What a helper takes in one register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Nothing.
    Unused,
    /// A map with keys.
    Map,
    /// A queue or stack.
    Queue,
    /// A ring buffer.
    RingBuffer,
    /// Initialised memory of the map's key size.
    Key,
    /// Initialised memory of the map's value size.
    Value,
    /// Memory of the map's value size that the helper writes, all of it.
    Output,
    /// Initialised memory; its size is the next argument.
    Readable,
    /// The same, and memory also when the size is zero.
    Required,
    /// The same, or null when the size is zero.
    Optional,
    /// Memory that the helper writes, all of it; its size is the next argument.
    Writable,
    /// The size of the memory before, more than zero.
    Size,
    /// The size of the memory before. When it may be zero, so may the memory's address.
    SizeOrZero,
    /// A number.
    Number,
    /// A number, or nothing if the text in `r1`, of the size in `r2`, does not print it.
    Printed,
    /// The context, from its start.
    Context,
    /// Anything that has a value.
    Anything,
}

/// What a helper leaves in `r0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// A number.
    Number,
    /// A value of the map among its arguments, or null.
    MapValueOrNull,
    /// Something that the checker does not know.
    Unknown,
}

/// The platform of this workspace.
#[derive(Clone, Copy, Debug, Default)]
pub struct Click;

impl Platform for Click {
    fn context(&self) -> &'static [ContextField] {
        CONTEXT
    }

    fn helper(&self, id: u32, kind: ProgramKind) -> Result<Prototype, Cause> {
        let helper = HelperId::from_number(id).ok_or(Cause::UnknownHelper { id })?;
        let spec = helper.spec();
        if !spec.kinds.contains(kind) {
            return Err(Cause::HelperKind {
                helper: spec.name,
                kind,
            });
        }
        let mut args = [Argument::Unused; 5];
        for (arg, declared) in args.iter_mut().zip(spec.args) {
            *arg = match declared.kind {
                ArgKind::Map => Argument::Map,
                ArgKind::Queue => Argument::Queue,
                ArgKind::RingBuffer => Argument::RingBuffer,
                ArgKind::MapKey => Argument::Key,
                ArgKind::MapValue => Argument::Value,
                ArgKind::MapValueOut => Argument::Output,
                ArgKind::ReadableMemory => Argument::Required,
                ArgKind::OptionalMemory => Argument::Optional,
                ArgKind::MemorySize => Argument::Size,
                ArgKind::MemorySizeOrZero => Argument::SizeOrZero,
                ArgKind::Scalar => Argument::Number,
                ArgKind::Printed => Argument::Printed,
            };
        }
        Ok(Prototype {
            name: spec.name,
            id: Some(helper),
            args,
            ret: match spec.ret {
                ReturnKind::Integer => Returned::Number,
                ReturnKind::MapValueOrNull => Returned::MapValueOrNull,
            },
            reallocates_packet: spec.reallocates_packet,
        })
    }

    fn returns(&self, kind: ProgramKind) -> RangeInclusive<u64> {
        kind.returns()
    }
}
