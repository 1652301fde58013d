//! What passes between Rust and C++: plain numbers and texts, copied.
#![allow(
    missing_docs,
    missing_debug_implementations,
    unused_qualifications,
    clippy::multiple_unsafe_ops_per_block,
    reason = "of what cxx generates for the types below"
)]

pub use ffi::{Answer, Failure, Helper, Insn, Map, Place, Question, Size, analyse, helper};

#[cxx::bridge(namespace = "click")]
mod ffi {
    /// One instruction slot.
    #[derive(Clone, Copy, Debug)]
    struct Insn {
        opcode: u8,
        dst: u8,
        src: u8,
        offset: i16,
        imm: i32,
    }

    /// One map, by the number that instructions name it by.
    #[derive(Clone, Debug)]
    struct Map {
        number: i32,
        kind: u32,
        key_size: u32,
        value_size: u32,
        max_entries: u32,
    }

    /// How many bytes the helper that is called in a slot writes.
    #[derive(Clone, Copy, Debug)]
    struct Size {
        slot: i32,
        bytes: u32,
    }

    /// What the engine is asked about.
    #[derive(Clone, Debug)]
    struct Question {
        /// The number of the kind of program.
        kind: u8,
        /// Whether instructions get labels for which the engine does not search the graph for an exit:
        /// it does that for every one, in quadratic time, for functions that helpers call back, which
        /// there are none of.
        long_labels: bool,
        code: Vec<Insn>,
        maps: Vec<Map>,
        sizes: Vec<Size>,
    }

    /// Where and why the engine refuses.
    #[derive(Clone, Debug)]
    struct Failure {
        slot: i32,
        message: String,
    }

    /// What the engine says of one place of the control-flow graph.
    #[derive(Clone, Copy, Debug)]
    struct Place {
        /// The slot, or where a jump comes from.
        from: i32,
        /// Where a jump leads; negative for an instruction.
        to: i32,
        /// Whether a run comes here.
        before: bool,
        /// Whether a run goes on from here.
        after: bool,
    }

    /// What the engine says.
    #[derive(Clone, Debug)]
    struct Answer {
        /// Whether it has an answer at all.
        answered: bool,
        /// Why it has none.
        reason: String,
        accepted: bool,
        /// Reachable places that fail, at most 64.
        failures: Vec<Failure>,
        places: Vec<Place>,
        max_loop_count: u32,
        /// Whether the return value is bounded by numbers of 64 bits.
        exit_known: bool,
        exit_low: i64,
        exit_high: i64,
    }

    /// A helper as the engine sees it.
    #[derive(Clone, Debug)]
    struct Helper {
        usable: bool,
        name: String,
        returns: u32,
        arguments: [u32; 5],
        reallocates_packet: bool,
        map_types: u64,
    }

    // SAFETY: both functions take and give values that cxx copies, keep no reference behind their return,
    // and let no exception out; that they are not called at the same time the engine's own state in
    // thread-locals and a registry that only grows asks for, and neither has a precondition whose breach
    // would be undefined behaviour.
    unsafe extern "C++" {
        include!("prevail-cpp/shim/shim.hpp");

        /// What the engine says of a program. It may run very long, and use much memory: to be called in a
        /// confined process.
        fn analyse(question: &Question) -> Answer;

        /// What the engine knows of a helper for a kind of program.
        fn helper(kind: u8, number: i32) -> Helper;
    }
}
