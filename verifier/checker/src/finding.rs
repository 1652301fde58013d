//! Why a program is refused, in the words of the person who wrote it.

use alloc::string::String;
use alloc::vec::Vec;

use bpf_object::Reg;
use platform_click::limits::{MAX_CALL_FRAMES, STACK_FRAME_SIZE};
use platform_click::{Code, ProgramKind};

use crate::codes;
use crate::value::Unset;

/// One reason why a program is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Slot of the instruction.
    pub slot: u32,
    /// What is wrong there; its `Display` is a sentence without a period.
    pub cause: Cause,
    /// Slots of instructions that led to it, with what happens there.
    pub related: Vec<(u32, &'static str)>,
}

impl Finding {
    pub(crate) fn new(slot: u32, cause: Cause) -> Self {
        let related = match &cause {
            Cause::Unset {
                why: Unset::Call { slot },
                ..
            } => alloc::vec![(*slot, "this call leaves nothing in the register")],
            Cause::Unset {
                why: Unset::Stale { slot },
                ..
            }
            | Cause::StackUnset {
                why: Unset::Stale { slot },
                ..
            } => alloc::vec![(*slot, "this call may move the packet")],
            Cause::MaybeNull { lookup, .. } | Cause::NullArithmetic { lookup, .. } => {
                alloc::vec![(*lookup, "this lookup may return null")]
            }
            _ => Vec::new(),
        };
        Self {
            slot,
            cause,
            related,
        }
    }

    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.cause.code()
    }
}

/// What is wrong with an instruction. Offsets count in bytes from the start of the object, on the
/// stack from the frame pointer; an access covers `least..end` for all values that it may have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "each field is named in the text of its variant, which documents it"
)]
pub enum Cause {
    /// A register without a value is read.
    #[error("{reg} {}", why_unset(*why))]
    Unset { reg: Reg, why: Unset },
    /// A stack slot with nothing usable is read.
    #[error("the stack at {offset} {}", why_unset(*why))]
    StackUnset { offset: i64, why: Unset },
    /// A number is dereferenced.
    #[error("{reg} is a number, not a pointer")]
    NotAPointer { reg: Reg },
    /// A pointer is used as a number.
    #[error("{reg} is a pointer, not a number")]
    NotANumber { reg: Reg },
    /// A map value is dereferenced before its null test.
    #[error("{reg} may be null: the value of map `{map}` was not tested")]
    MaybeNull { reg: Reg, map: String, lookup: u32 },
    /// Arithmetic on a map value before its null test.
    #[error("{reg} may be null: arithmetic on the value of map `{map}` before its test")]
    NullArithmetic { reg: Reg, map: String, lookup: u32 },
    /// Outside of the frame.
    #[error(
        "bytes {least}..{end} from the frame pointer are outside of the frame's -{STACK_FRAME_SIZE}..0"
    )]
    Stack { least: i64, end: i64 },
    /// Not initialised.
    #[error("the byte at {offset} from the frame pointer is not initialised on every path")]
    StackUninitialised { offset: i64 },
    /// A part of a pointer.
    #[error("the byte at {offset} from the frame pointer is part of a pointer")]
    StackPointerPart { offset: i64 },
    /// Before or behind what is checked of the packet.
    #[error(
        "bytes {least}..{end} of the packet: only {checked} bytes are compared with `data_end`"
    )]
    Packet { least: i64, end: i64, checked: i64 },
    /// Relative to a position that was not compared with the end.
    #[error(
        "{bytes} bytes of the packet from a variable position: {checked} from there are compared with `data_end`"
    )]
    PacketVariable { bytes: i64, checked: i64 },
    /// Outside of a map value.
    #[error("bytes {least}..{end} are outside of the {size} bytes of a value of map `{map}`")]
    MapValue {
        map: String,
        least: i64,
        end: i64,
        size: i64,
    },
    /// Outside of a data section.
    #[error("bytes {least}..{end} are outside of the {size} bytes of `{section}`")]
    Data {
        section: String,
        least: i64,
        end: i64,
        size: i64,
    },
    /// Not within one field of the context, or not all of a pointer.
    #[error("bytes {least}..{end} of the context are not one field")]
    ContextField { least: i64, end: i64 },
    /// A field that the program may not write, or not in part.
    #[error("field `{field}` of the context is not written by programs, or only whole")]
    ContextWrite { field: &'static str },
    /// A store into read-only data.
    #[error("`{section}` is read-only")]
    ReadOnly { section: String },
    /// Memory that has no bytes for the program.
    #[error("{what} cannot be dereferenced")]
    NoMemory { what: &'static str },
    /// An operation that pointers do not have.
    #[error("{reg}: {what} on a pointer")]
    PointerArithmetic { reg: Reg, what: &'static str },
    /// An offset of a pointer that is not bounded.
    #[error("{reg}: an offset between {least} and {greatest} is too large for a pointer")]
    Unbounded { reg: Reg, least: i64, greatest: i64 },
    /// A comparison that pointers do not have.
    #[error("{reg} is compared: {what}")]
    Comparison { reg: Reg, what: &'static str },
    /// A pointer leaves the program.
    #[error("{reg} is a pointer and is stored in {place}")]
    Leak { reg: Reg, place: &'static str },
    /// A pointer on the stack that is not stored whole and aligned at a known place.
    #[error("{reg} is a pointer and is not stored in one aligned slot of 8 bytes")]
    Spill { reg: Reg },
    /// A divisor may be zero.
    #[error("the divisor may be zero")]
    DivisionByZero,
    /// A helper that the platform does not have.
    #[error("the platform has no helper {id}")]
    UnknownHelper { id: u32 },
    /// A helper that is not for this kind.
    #[error("`{helper}` is not for a {kind}")]
    HelperKind {
        helper: &'static str,
        kind: ProgramKind,
    },
    /// An argument of the wrong type.
    #[error("`{helper}` takes {expected} in {reg}")]
    Argument {
        helper: &'static str,
        reg: Reg,
        expected: &'static str,
    },
    /// A size that is not within bounds.
    #[error(
        "`{helper}` takes a size of at least {minimum} in {reg}; this one is between {least} and {greatest}"
    )]
    Size {
        helper: &'static str,
        reg: Reg,
        minimum: i64,
        least: i64,
        greatest: i64,
    },
    /// A return value outside of the kind's.
    #[error("a {kind} returns {least} to {greatest}, outside of {}..={}", kind.returns().start(), kind.returns().end())]
    Return {
        kind: ProgramKind,
        least: u64,
        greatest: u64,
    },
    /// A pointer is returned.
    #[error("a pointer is returned")]
    ReturnsPointer,
    /// A function calls itself.
    #[error("function `{function}` calls itself, directly or through others")]
    Recursion { function: String },
    /// Too many frames.
    #[error("this call would need more than {MAX_CALL_FRAMES} frames")]
    CallDepth,
    /// Memory without atomic operations.
    #[error("no atomic operations in {place}")]
    AtomicPlace { place: &'static str },
    /// Not aligned.
    #[error("an atomic operation on {size} bytes at an offset that is not a multiple of {size}")]
    AtomicAlignment { size: usize },
    /// A loop in which nothing happens.
    #[error("an iteration of the loop changes nothing that bounds it, so it may never end")]
    Endless,
    /// No path ends.
    #[error("no path leads to an exit")]
    NoExit,
}

impl Cause {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Unset {
                why: Unset::Stale { .. },
                ..
            }
            | Self::StackUnset {
                why: Unset::Stale { .. },
                ..
            } => codes::STALE_PACKET,
            Self::Unset { .. } | Self::StackUnset { .. } => codes::UNSET,
            Self::MaybeNull { .. } | Self::NullArithmetic { .. } => codes::MAYBE_NULL,
            Self::Stack { .. } => codes::STACK_BOUNDS,
            Self::StackUninitialised { .. } => codes::STACK_UNINITIALISED,
            Self::Packet { .. } | Self::PacketVariable { .. } => codes::PACKET_BOUNDS,
            Self::MapValue { .. } | Self::Data { .. } => codes::VALUE_BOUNDS,
            Self::ContextField { .. } | Self::ContextWrite { .. } => codes::CONTEXT,
            Self::ReadOnly { .. } => codes::READ_ONLY,
            Self::NotAPointer { .. }
            | Self::NotANumber { .. }
            | Self::NoMemory { .. }
            | Self::StackPointerPart { .. }
            | Self::PointerArithmetic { .. }
            | Self::Unbounded { .. } => codes::POINTER,
            Self::Comparison { .. } => codes::COMPARISON,
            Self::Leak { .. } | Self::Spill { .. } | Self::ReturnsPointer => codes::LEAK,
            Self::DivisionByZero => codes::DIVISION_BY_ZERO,
            Self::UnknownHelper { .. } | Self::HelperKind { .. } => codes::HELPER,
            Self::Argument { .. } | Self::Size { .. } => codes::ARGUMENT,
            Self::Return { .. } => codes::RETURN,
            Self::Recursion { .. } | Self::CallDepth => codes::CALL_DEPTH,
            Self::AtomicPlace { .. } | Self::AtomicAlignment { .. } => codes::ATOMIC,
            Self::Endless => codes::ENDLESS,
            Self::NoExit => codes::NO_EXIT,
        }
    }
}

const fn why_unset(why: Unset) -> &'static str {
    match why {
        Unset::Never => "has no value on some path",
        Unset::Call { .. } => "has no value after a call",
        Unset::Stale { .. } => "held a packet pointer, and the packet may have moved",
        Unset::DeadFrame => "pointed into the frame of a function that has returned",
        Unset::Mixed => "holds different kinds of values on different paths",
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Undecided {
    /// The limit of work was reached.
    #[error("the program takes more than {limit} units of work (instructions and joins)")]
    Work {
        /// The limit.
        limit: u64,
    },
    /// Too many states waited at one time.
    #[error("the program has more paths side by side than {limit} values describe")]
    Memory {
        /// The limit.
        limit: u64,
    },
    /// The checker contradicts itself.
    #[error("the checker contradicts itself, which is a mistake in it")]
    Inconsistent,
    /// A loop did not end within the limit of iterations.
    #[error(
        "slot {slot}: the loop does not end within {limit} iterations that the checker could follow"
    )]
    Iterations {
        /// The loop's first instruction.
        slot: u32,
        /// The limit.
        limit: u64,
    },
}

impl Undecided {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Work { .. } | Self::Memory { .. } => codes::TOO_MUCH_WORK,
            Self::Iterations { .. } => codes::TOO_MANY_ITERATIONS,
            Self::Inconsistent => codes::INCONSISTENT,
        }
    }
}
