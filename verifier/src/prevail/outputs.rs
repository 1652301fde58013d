//! Helpers that write to memory.
//!
//! The engine knows memory that is written by its address and its size, both in registers, and
//! havocs it. It takes `PTR_TO_MAP_VALUE`, whose size would follow from the map, for read only, also
//! in the prototypes of `map_pop_elem` and `map_peek_elem` that it brings along: what was known of the
//! stack before the call it would hold for true afterwards. So the size is put into the register
//! behind the arguments, right before the call, which leaves nothing in that register anyway.

use std::collections::BTreeMap;

use ::prevail::cfg::label::Label;
use ::prevail::ir::syntax::{Bin, BinOp, Imm, Instruction, InstructionSeq, Reg, Value};
use platform_click::HelperId;

use crate::platform::output_size_register;

/// The sequence with the sizes of what helpers write, given by the slots of their calls.
pub(super) fn with_sizes(sequence: InstructionSeq, sizes: &BTreeMap<u32, u32>) -> InstructionSeq {
    let mut sized = InstructionSeq::with_capacity(sequence.len());
    for (label, instruction, line) in sequence {
        match size(&label, &instruction, sizes) {
            Some(size) => {
                // Jumps to the call lead to the size; the call gets the label of a jump from its own
                // slot to itself, which no other instruction there has.
                let call = Label::new_with_to(label.from, label.from);
                sized.push((label, size, line.clone()));
                sized.push((call, instruction, line));
            }
            None => sized.push((label, instruction, line)),
        }
    }
    sized
}

/// The instruction that sets the size for a call, if it is one that writes to memory.
fn size(
    label: &Label,
    instruction: &Instruction,
    sizes: &BTreeMap<u32, u32>,
) -> Option<Instruction> {
    let Instruction::Call(call) = instruction else {
        return None;
    };
    let helper = HelperId::from_number(u32::try_from(call.func).ok()?)?;
    let register = output_size_register(&helper.spec())?;
    let size = sizes.get(&u32::try_from(label.from).ok()?)?;
    Some(Instruction::Bin(Bin {
        op: BinOp::MOV,
        dst: Reg { v: register },
        v: Value::Imm(Imm {
            v: u64::from(*size),
        }),
        is64: true,
        lddw: false,
    }))
}
