//! Registers, and which of them hold something.

use bpf_object::Reg;

use crate::fault::FaultCause;

/// The eleven registers of a running program.
#[derive(Clone, Debug)]
pub struct Registers {
    /// 16 instead of 11, so that a masked index needs no bounds check.
    values: [u64; 16],
    /// Bit `i` says whether `values[i]` is defined.
    defined: u16,
}

/// A value that may be undefined: never written, or left over by a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) value: u64,
    pub(crate) defined: bool,
}

impl Registers {
    pub(crate) const fn new() -> Self {
        Self {
            values: [0; 16],
            defined: 0,
        }
    }

    /// The value of `register`, if it holds one.
    #[must_use]
    pub fn get(&self, register: Reg) -> Option<u64> {
        let word = self.word(register);
        word.defined.then_some(word.value)
    }

    /// The value of `register`, which is about to be used.
    #[inline]
    pub(crate) fn used(&self, register: Reg) -> Result<u64, FaultCause> {
        let word = self.word(register);
        if word.defined {
            Ok(word.value)
        } else {
            Err(FaultCause::UninitialisedRegister { register })
        }
    }

    /// The value of `register`, which is about to be copied.
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "the index is below 16")]
    pub(crate) fn word(&self, register: Reg) -> Word {
        Word {
            value: self.values[register.index() & 15],
            defined: self.defined & bit(register) != 0,
        }
    }

    #[inline]
    pub(crate) fn set(&mut self, register: Reg, value: u64) {
        self.set_word(
            register,
            Word {
                value,
                defined: true,
            },
        );
    }

    #[inline]
    #[expect(clippy::indexing_slicing, reason = "the index is below 16")]
    pub(crate) fn set_word(&mut self, register: Reg, word: Word) {
        self.values[register.index() & 15] = word.value;
        if word.defined {
            self.defined |= bit(register);
        } else {
            self.defined &= !bit(register);
        }
    }

    /// Makes `r1` to `r5` undefined, as calls do (RFC 9669, section 2).
    pub(crate) fn scratch(&mut self) {
        self.defined &= !0b11_1110;
    }
}

/// A register's number is at most 10.
fn bit(register: Reg) -> u16 {
    1_u16.wrapping_shl(u32::from(register.number()))
}
