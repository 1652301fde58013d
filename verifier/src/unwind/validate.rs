//! Whether an unwound program is one of the original: small, and with no knowledge of how it was made.
//!
//! The claim: as long as no trap is reached, both programs execute the same instructions on the same
//! registers and memory, jumps of our own left out. It holds by induction over steps, when the first
//! instructions of corresponding functions correspond, corresponding instructions are equal, and
//! each way on leads to a copy of where the original's leads, or to a trap. The unwound program has
//! no loops, since every jump leads forwards; recursion is refused before.

use bpf_object::{Image, Insn};

use super::layout::TRAP;
use super::{Invalid, Role};

/// Jumps of our own that may follow one another. There is never more than one; a limit keeps this
/// from being quadratic.
const MAX_GLUE: usize = 4;

/// Checks that `unwound` is an unwound program of `original`, where `roles` says what each of its
/// slots is.
///
/// # Errors
/// What is wrong.
pub(super) fn validate(original: &Image, unwound: &Image, roles: &[Role]) -> Result<(), Invalid> {
    let same = original.kind() == unwound.kind()
        && original.maps() == unwound.maps()
        && original.data() == unwound.data()
        && original.functions().len() == unwound.functions().len()
        && unwound.code().len() == roles.len();
    if !same {
        return Err(Invalid("it is about something else".into()));
    }
    let check = Check {
        original,
        unwound,
        roles,
    };
    for (old, new) in original.functions().iter().zip(unwound.functions()) {
        if check.role(new.start) != Some(Role::Copy(old.start)) {
            return Err(wrong(new.start, "a function starts with something else"));
        }
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
}

impl Check<'_> {
    fn role(&self, slot: u32) -> Option<Role> {
        self.roles.get(usize::try_from(slot).ok()?).copied()
    }

    fn slot(&self, slot: u32) -> Result<(), Invalid> {
        let insn = insn(self.unwound, slot)?;
        if insn.jump_target().is_some_and(|target| target <= slot) {
            return Err(wrong(slot, "a jump does not lead forwards"));
        }
        match self.role(slot) {
            Some(Role::Copy(old)) => self.copy(slot, insn, old),
            Some(Role::Glue) if matches!(insn, Insn::Jump { .. }) => Ok(()),
            // Where a trap begins is checked by whoever leads to it.
            Some(Role::Trap) => Ok(()),
            _ => Err(wrong(slot, "a jump of ours is something else")),
        }
    }

    fn copy(&self, slot: u32, insn: Insn, old: u32) -> Result<(), Invalid> {
        let old_insn = self::insn(self.original, old)?;
        if self.with_targets_of(old_insn, insn) != Some(insn) {
            return Err(wrong(slot, "the instruction is another one"));
        }
        if let (Some(old_target), Some(target)) = (old_insn.jump_target(), insn.jump_target()) {
            self.leads(slot, target, old_target)?;
        }
        if insn.falls_through() {
            // A wide load is followed by its second slot, which is a copy as well.
            self.leads(slot, slot.saturating_add(1), old.saturating_add(1))?;
        }
        Ok(())
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

    /// From `slot`, `next` leads to a copy of the original's slot `old`, or to a trap.
    fn leads(&self, slot: u32, mut next: u32, old: u32) -> Result<(), Invalid> {
        for _ in 0..MAX_GLUE {
            match (self.role(next), insn(self.unwound, next)?) {
                (Some(Role::Copy(other)), _) if other == old => return Ok(()),
                (Some(Role::Trap), _) if self.is_trap(next) => return Ok(()),
                (Some(Role::Glue), Insn::Jump { target }) => next = target,
                _ => break,
            }
        }
        Err(wrong(slot, "it leads elsewhere than the original"))
    }

    /// Whether a trap begins here, as a whole.
    fn is_trap(&self, slot: u32) -> bool {
        let mut slots = (slot..).zip(TRAP);
        slots.all(|(slot, part)| insn(self.unwound, slot) == Ok(part))
    }
}

fn insn(image: &Image, slot: u32) -> Result<Insn, Invalid> {
    let index = usize::try_from(slot).ok();
    let insn = index.and_then(|index| image.code().get(index));
    insn.copied()
        .ok_or_else(|| wrong(slot, "there is no such slot"))
}
