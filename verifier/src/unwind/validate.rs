//! Whether an unwound program is one of the original: small, and with no knowledge of how it was made.
//!
//! The claim: as long as no trap is reached, both programs execute the same instructions on the same
//! registers and memory, those of our own left out, which change nothing; a disjunction may be written
//! as a sum of its parts, and a number be shifted down and back while nothing but tests looks at it. It holds by induction over steps, when the first
//! instructions of corresponding functions correspond, corresponding instructions are equal, and
//! each way on leads to a copy of where the original's leads, or to a trap. An unwound program has
//! no loops, since every jump leads forwards; recursion is refused before. A guarded one has those of
//! the original, and traps that are safe: of it, an engine has to prove that no trap is reached.

use std::collections::BTreeMap;

use bpf_object::{AluOp, Image, Insn, Operand, Size, Width};

use super::guarded::SAFE_TRAP;
use super::layout::TRAP;
use super::{Form, Invalid, Role};

/// Where a slot leads, with no effect on registers and memory on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// To copies of this slot of the original, or to traps.
    Copy(u32),
    /// To the shift back of a number that was masked in this slot of the original, or to traps.
    Back(u32),
    /// To traps.
    Trap,
    /// Elsewhere.
    Elsewhere,
}

impl End {
    /// Where a test leads, given where both of its ways do.
    fn either(self, other: Self) -> Self {
        match (self, other) {
            (Self::Trap, end) | (end, Self::Trap) => end,
            (end, other) if end == other => end,
            _ => Self::Elsewhere,
        }
    }
}

/// Checks that `unwound` is an unwound program of `original`, where `roles` says what each of its
/// slots is.
///
/// # Errors
/// What is wrong.
pub(super) fn validate(
    original: &Image,
    unwound: &Image,
    roles: &[Role],
    form: Form,
) -> Result<(), Invalid> {
    let same = original.kind() == unwound.kind()
        && original.maps() == unwound.maps()
        && original.data() == unwound.data()
        && original.functions().len() == unwound.functions().len()
        && unwound.code().len() == roles.len();
    if !same {
        return Err(Invalid("it is about something else".into()));
    }
    let mut check = Check {
        original,
        unwound,
        roles,
        form,
        ends: Vec::new(),
    };
    check.ends = check.ends();
    for (old, new) in original.functions().iter().zip(unwound.functions()) {
        check.leads(new.start, new.start, old.start)?;
    }
    for slot in (0..).take(roles.len()) {
        check.slot(slot)?;
    }
    Ok(())
}

fn wrong(slot: u32, what: &str) -> Invalid {
    Invalid(format!("slot {slot}: {what}"))
}

struct Check<'a> {
    original: &'a Image,
    unwound: &'a Image,
    roles: &'a [Role],
    form: Form,
    /// By slot.
    ends: Vec<End>,
}

impl Check<'_> {
    /// Where each slot leads. Instructions of ours lead forwards, so the last slot is looked at first.
    fn ends(&self) -> Vec<End> {
        let mut ends: BTreeMap<u32, End> = BTreeMap::new();
        let slots: Vec<(u32, Role)> = (0..).zip(self.roles.iter().copied()).collect();
        for (slot, role) in slots.into_iter().rev() {
            // What is not known yet lies behind.
            let at = |target: u32| ends.get(&target).copied().unwrap_or(End::Elsewhere);
            let next = slot.saturating_add(1);
            let end = match (role, insn(self.unwound, slot)) {
                (Role::Copy(old), Ok(insn)) if self.is_copy(insn, old) => End::Copy(old),
                (Role::Trap, _) if self.is_trap(slot) => End::Trap,
                (Role::Before, Ok(insn)) => match self.sum_of_parts(slot) {
                    Some(old) => End::Copy(old),
                    None if self.is_overwritten(slot, insn) => at(next),
                    None => End::Elsewhere,
                },
                (Role::Back(mask), Ok(insn)) if self.is_shift(AluOp::Lsh, insn, mask) => {
                    End::Back(mask)
                }
                (Role::Glue, Ok(Insn::Jump { target })) => at(target),
                (Role::Glue, Ok(Insn::Branch { target, .. })) => at(target).either(at(next)),
                _ => End::Elsewhere,
            };
            ends.insert(slot, end);
        }
        ends.into_values().collect()
    }

    fn role(&self, slot: u32) -> Option<Role> {
        self.roles.get(usize::try_from(slot).ok()?).copied()
    }

    fn slot(&self, slot: u32) -> Result<(), Invalid> {
        let insn = insn(self.unwound, slot)?;
        let is_ours = !matches!(self.role(slot), Some(Role::Copy(_)));
        if (is_ours || self.form == Form::Unwound)
            && insn.jump_target().is_some_and(|target| target <= slot)
        {
            return Err(wrong(slot, "a jump does not lead forwards"));
        }
        let before = slot.checked_sub(1);
        match self.role(slot) {
            Some(Role::Copy(old)) => self.copy(slot, insn, old),
            Some(Role::Glue) if insn.jump_target().is_some() => Ok(()),
            Some(Role::Before) if self.is_overwritten(slot, insn) => Ok(()),
            Some(Role::Before) if self.sum_of_parts(slot).is_some() => Ok(()),
            Some(Role::Behind) if self.is_mask_of_load(slot, insn) => Ok(()),
            Some(Role::Behind) if before.is_some_and(|slot| self.sum_of_parts(slot).is_some()) => {
                Ok(())
            }
            Some(Role::Behind) if before.is_some_and(|before| self.is_shift_down(before, insn)) => {
                Ok(())
            }
            Some(Role::Back(mask)) if self.is_shift(AluOp::Lsh, insn, mask) => {
                self.leads(slot, slot.saturating_add(1), mask.saturating_add(1))
            }
            // Where a trap begins is checked by whoever leads to it.
            Some(Role::Trap) => Ok(()),
            _ => Err(wrong(slot, "an instruction of ours does something")),
        }
    }

    fn copy(&self, slot: u32, insn: Insn, old: u32) -> Result<(), Invalid> {
        let old_insn = self::insn(self.original, old)?;
        let parts = slot.checked_sub(2).and_then(|slot| self.sum_of_parts(slot));
        if !self.is_copy(insn, old) && parts != Some(old) {
            return Err(wrong(slot, "the instruction is another one"));
        }
        if let (Some(old_target), Some(target)) = (old_insn.jump_target(), insn.jump_target()) {
            self.leads(slot, target, old_target)?;
        }
        if insn.falls_through() {
            // A wide load is followed by its second slot, which is a copy as well.
            // So may be one of ours, which is reached in no other way.
            let mut next = slot.saturating_add(1);
            if self.role(next) == Some(Role::Behind) {
                let is_down =
                    self::insn(self.unwound, next).is_ok_and(|insn| self.is_shift_down(slot, insn));
                next = next.saturating_add(1);
                if is_down {
                    return match self.end(next) {
                        End::Back(mask) if mask == old => Ok(()),
                        End::Trap => Ok(()),
                        _ => Err(wrong(slot, "what is shifted is not shifted back")),
                    };
                }
            }
            self.leads(slot, next, old.saturating_add(1))?;
        }
        Ok(())
    }

    /// Whether an instruction is that of the original's slot `old`, but for its target.
    fn is_copy(&self, insn: Insn, old: u32) -> bool {
        let old = self::insn(self.original, old);
        old.is_ok_and(|old| self.with_targets_of(old, insn) == Some(insn))
    }

    /// The original instruction with the targets that the unwound one has, where it may have others.
    fn with_targets_of(&self, old: Insn, new: Insn) -> Option<Insn> {
        Some(match (old, new) {
            (Insn::Jump { .. }, Insn::Jump { target }) => Insn::Jump { target },
            (
                Insn::Branch {
                    width,
                    cond,
                    dst,
                    src,
                    ..
                },
                Insn::Branch { target, .. },
            ) => Insn::Branch {
                width,
                cond,
                dst,
                src,
                target,
            },
            (Insn::CallLocal { target: called }, Insn::CallLocal { .. }) => {
                let functions = self.original.functions().iter();
                let index = functions.clone().position(|other| other.start == called)?;
                let target = self.unwound.functions().get(index)?.start;
                Insn::CallLocal { target }
            }
            (other, _) => other,
        })
    }

    /// From `slot`, `next` leads to copies of the original's slot `old`, or to traps.
    fn leads(&self, slot: u32, next: u32, old: u32) -> Result<(), Invalid> {
        match self.end(next) {
            End::Copy(other) if other == old => Ok(()),
            End::Trap => Ok(()),
            _ => Err(wrong(slot, "it leads elsewhere than the original")),
        }
    }

    fn end(&self, slot: u32) -> End {
        let index = usize::try_from(slot).ok();
        let end = index.and_then(|index| self.ends.get(index));
        end.copied().unwrap_or(End::Elsewhere)
    }

    /// Whether an instruction shifts down what the copy in the slot before masked.
    fn is_shift_down(&self, before: u32, insn: Insn) -> bool {
        match self.role(before) {
            Some(Role::Copy(mask)) => self.is_shift(AluOp::Rsh, insn, mask),
            _ => false,
        }
    }

    /// Whether an instruction shifts a register by the bits that are clear below those which the
    /// original's slot `mask` leaves. Down and back again, that changes nothing.
    fn is_shift(&self, shift: AluOp, insn: Insn, mask: u32) -> bool {
        let (
            Insn::Alu {
                width,
                op,
                dst,
                src: Operand::Imm(bits),
            },
            Ok(Insn::Alu {
                width: of,
                op: AluOp::And,
                dst: masked,
                src: Operand::Imm(ones),
            }),
        ) = (insn, self::insn(self.original, mask))
        else {
            return false;
        };
        // A mask that is not negative leaves no bits above those of 32.
        (width, op, dst) == (of, shift, masked)
            && ones > 0
            && u32::try_from(bits) == Ok(ones.trailing_zeros())
    }

    /// Whether a store leaves nothing behind: the copy in the next slot stores to all of its bytes.
    fn is_overwritten(&self, slot: u32, insn: Insn) -> bool {
        let next = slot.saturating_add(1);
        let (
            Insn::Store {
                size, base, off, ..
            },
            Some(Role::Copy(_)),
            Ok(Insn::Store {
                size: all,
                base: same,
                off: at,
                ..
            }),
        ) = (insn, self.role(next), self::insn(self.unwound, next))
        else {
            return false;
        };
        size.bytes() <= all.bytes() && base == same && off == at
    }

    /// The original's slot whose disjunction with `2^n - 1` is written as two shifts by `n`, which begin
    /// here and clear the lowest `n` bits, and the sum with that number.
    fn sum_of_parts(&self, slot: u32) -> Option<u32> {
        let second = slot.checked_add(1)?;
        let third = slot.checked_add(2)?;
        let Some(Role::Copy(old)) = self.role(third) else {
            return None;
        };
        let Ok(Insn::Alu {
            width,
            op: AluOp::Or,
            dst,
            src: Operand::Imm(ones),
        }) = insn(self.original, old)
        else {
            return None;
        };
        let bits = ones
            .checked_add(1)
            .filter(|power| power.count_ones() == 1)?;
        let bits = i32::try_from(bits.trailing_zeros()).ok()?;
        let part = |slot, op, imm| {
            let src = Operand::Imm(imm);
            let part = Insn::Alu {
                width,
                op,
                dst,
                src,
            };
            insn(self.unwound, slot) == Ok(part)
        };
        let roles = (self.role(slot), self.role(second));
        let is_sum = roles == (Some(Role::Before), Some(Role::Behind))
            && ones > 0
            && part(slot, AluOp::Rsh, bits)
            && part(second, AluOp::Lsh, bits)
            && part(third, AluOp::Add, ones);
        is_sum.then_some(old)
    }

    /// Whether an instruction clears bits only that the copy in the slot before, a load, left clear.
    fn is_mask_of_load(&self, slot: u32, insn: Insn) -> bool {
        let Some(before) = slot.checked_sub(1) else {
            return false;
        };
        let (
            Some(Role::Copy(_)),
            Ok(Insn::Load {
                size,
                signed: false,
                dst: loaded,
                ..
            }),
            Insn::Alu {
                width,
                op,
                dst,
                src,
            },
        ) = (self.role(before), self::insn(self.unwound, before), insn)
        else {
            return false;
        };
        let keeps = match (width, op, src) {
            (Width::W64, AluOp::And, Operand::Imm(0xff)) => Size::B1,
            (Width::W64, AluOp::And, Operand::Imm(0xffff)) => Size::B2,
            (Width::W32, AluOp::Mov, Operand::Reg(src)) if src == dst => Size::B4,
            _ => return false,
        };
        dst == loaded && size.bytes() <= keeps.bytes()
    }

    /// Whether a trap begins here, as a whole.
    fn is_trap(&self, slot: u32) -> bool {
        let trap: &[Insn] = match self.form {
            Form::Unwound => &TRAP,
            Form::Guarded => &SAFE_TRAP,
        };
        let mut slots = (slot..).zip(trap);
        slots.all(|(slot, part)| insn(self.unwound, slot) == Ok(*part))
    }
}

fn insn(image: &Image, slot: u32) -> Result<Insn, Invalid> {
    let index = usize::try_from(slot).ok();
    let insn = index.and_then(|index| image.code().get(index));
    insn.copied()
        .ok_or_else(|| wrong(slot, "there is no such slot"))
}
