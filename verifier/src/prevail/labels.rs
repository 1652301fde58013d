//! Labels of instructions in the engine's graph.
//!
//! For every instruction outside of inlined functions the engine searches the graph for an exit, to
//! know which ones a helper could call back (`pass_compute_callback_metadata` in `ir/program.rs` of
//! version 0.2.6). No helper of this platform calls back, and on long programs the search takes most
//! of the time: it is quadratic in their length. Labels with a second half are taken for those of
//! edges, for which there is no search. So the instructions of programs without loops, which may be
//! long, get one; everything else that looks at labels only compares them.

use ::prevail::cfg::label::Label;
use ::prevail::ir::syntax::{Instruction, InstructionSeq};

/// How the instructions of one program are labelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Labels {
    /// As the engine does it.
    Ordinary,
    /// With a second half.
    Long,
}

impl Labels {
    /// The second half: no slot of an instruction is negative, and the engine itself uses -1.
    const fn second(self) -> i32 {
        match self {
            Self::Ordinary => -1,
            Self::Long => -2,
        }
    }

    /// The label of an instruction that is reached by the calls in these slots.
    pub(crate) fn at(self, slot: u32, calls: &[u32]) -> Label {
        let calls: Vec<String> = calls
            .iter()
            .map(|call| Label::new_with_to(call.cast_signed(), self.second()).to_string())
            .collect();
        Label::new_full(slot.cast_signed(), self.second(), calls.join("/"))
    }

    /// Gives these labels to instructions that have ordinary ones.
    pub(crate) fn give(self, sequence: &mut InstructionSeq) {
        for (label, instruction, _) in sequence {
            label.to = self.second();
            match instruction {
                Instruction::Jmp(jump) => jump.target.to = self.second(),
                Instruction::CallLocal(call) => call.target.to = self.second(),
                _ => {}
            }
        }
    }
}

/// The slots of the calls that lead to a label, however it was made.
pub(crate) fn calls(label: &Label) -> Vec<u32> {
    let calls = label.stack_frame_prefix.split('/');
    calls
        .filter_map(|call| call.split(':').next()?.parse().ok())
        .collect()
}
