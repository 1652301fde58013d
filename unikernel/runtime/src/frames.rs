//! Local calls: what a caller finds again when its callee returns.

use bpf_object::Reg;
use platform_click::limits::MAX_CALL_FRAMES;

use crate::registers::{Registers, Word};

/// Registers that a call preserves (RFC 9669, section 2), the frame pointer included.
const PRESERVED: [Reg; 5] = [Reg::R6, Reg::R7, Reg::R8, Reg::R9, Reg::FP];

/// A caller that waits.
#[derive(Clone, Copy, Debug)]
struct Caller {
    return_slot: usize,
    preserved: [Word; 5],
}

/// The callers that wait, the outermost first.
#[derive(Debug)]
pub(crate) struct Frames {
    /// One less than there are frames: the innermost does not wait.
    callers: [Option<Caller>; MAX_CALL_FRAMES - 1],
    /// How many wait.
    waiting: usize,
    /// Most that waited at once in this run.
    deepest: usize,
}

impl Frames {
    pub(crate) const fn new() -> Self {
        Self {
            callers: [None; MAX_CALL_FRAMES - 1],
            waiting: 0,
            deepest: 0,
        }
    }

    /// Remembers where to return to and what to restore; `None` when no frame is left.
    pub(crate) fn enter(&mut self, return_slot: usize, registers: &Registers) -> Option<()> {
        let place = self.callers.get_mut(self.waiting)?;
        *place = Some(Caller {
            return_slot,
            preserved: PRESERVED.map(|register| registers.word(register)),
        });
        self.waiting = self.waiting.saturating_add(1);
        self.deepest = self.deepest.max(self.waiting);
        Some(())
    }

    /// Returns to the innermost caller: restores its registers and gives its next slot. `None` when
    /// nobody waits: the program ends.
    pub(crate) fn leave(&mut self, registers: &mut Registers) -> Option<usize> {
        let innermost = self.waiting.checked_sub(1)?;
        let caller = self.callers.get_mut(innermost)?.take()?;
        self.waiting = innermost;
        for (register, word) in PRESERVED.into_iter().zip(caller.preserved) {
            registers.set_word(register, word);
        }
        registers.scratch();
        Some(caller.return_slot)
    }

    /// Most frames that were in use at once, 1 without a local call.
    pub(crate) const fn deepest(&self) -> usize {
        self.deepest.saturating_add(1)
    }
}
