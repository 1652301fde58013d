//! What the engine claims of single instructions.

use std::collections::BTreeSet;

use ::prevail::crab::ebpf_domain::DomainContext;
use bpf_object::{Image, Reg};

use super::reading::Reading;
use super::{Analysis, ENGINE, reading_with};
use crate::claims::{Claims, Collector, Held, Numbers, Place, SlotOf, Target};

/// The engine's claims of `image`, from its result for the program that it judged. An instruction
/// that is inlined several times is claimed about once, for all together.
pub(super) fn claims(
    image: &Image,
    Analysis {
        program,
        registry,
        result,
        ..
    }: &mut Analysis,
    slot_of: SlotOf<'_>,
) -> Claims {
    let (platform, options, info) = reading_with(image);
    let context = &DomainContext::new(&info, program, &options, &platform);
    let mut collector = Collector::new(image);
    let original = |number: i32| slot_of(u32::try_from(number).ok()?);
    // Of two instructions that it takes for one (a number shifted up and down again) the engine does
    // not know the second.
    let labels = result.invariants.keys();
    let known: BTreeSet<u32> = labels.filter_map(|label| original(label.from)).collect();
    let slots = (0_u32..).zip(image.code()).map(|(slot, _)| slot);
    slots
        .filter(|slot| !known.contains(slot))
        .for_each(|slot| collector.silent(slot));
    for (label, state) in &result.invariants {
        if !label.special_label.is_empty() {
            continue;
        }
        let Some(slot) = original(label.from) else {
            continue;
        };
        // Labels of instructions may have a second half, too ([`super::labels`]).
        if label.to >= 0 {
            if let Some(next) = original(label.to)
                && !state.post.is_bottom()
            {
                collector.goes(slot, next);
            }
        } else if !state.pre.is_bottom() {
            let mut reading = Reading::new(&state.pre, context, registry);
            collector.reaches(slot, |reg| reading.held(reg));
        }
    }
    collector.finish(ENGINE.name)
}

impl Reading<'_> {
    /// What a register holds, if it is of one type.
    fn held(&mut self, register: Reg) -> Option<Held> {
        let register = register.number();
        let (target, offset) = match self.types(register) {
            "number" => return Some(Held::Numbers(self.numbers(register))),
            "ctx" => (Target::Context, Some("ctx_offset")),
            "packet" => (Target::Packet, Some("packet_offset")),
            "stack" => (Target::Stack, Some("stack_offset")),
            "shared" => (Target::Shared, Some("shared_offset")),
            "map_fd" => (Target::Map(None), None),
            _ => return None,
        };
        let mut offsets = Place::ANYWHERE;
        if let Some(offset) = offset {
            let (least, greatest) = self.bounds(register, offset);
            offsets = (
                narrow(least).unwrap_or(offsets.0),
                narrow(greatest).unwrap_or(offsets.1),
            );
        }
        // The engine has an opinion about the address itself in this case only.
        let maybe_null = target == Target::Shared && {
            let (least, greatest) = self.bounds(register, "svalue");
            least.is_none_or(|least| least <= 0) && greatest.is_none_or(|greatest| greatest >= 0)
        };
        Place::claim(target, offsets, maybe_null)
    }

    fn numbers(&mut self, register: u8) -> Numbers {
        let any = Numbers::ANY;
        let (least, greatest) = self.bounds(register, "svalue");
        let signed = (
            narrow(least).unwrap_or(any.signed.0),
            narrow(greatest).unwrap_or(any.signed.1),
        );
        let (least, greatest) = self.bounds(register, "uvalue");
        let unsigned = (
            narrow(least).unwrap_or(any.unsigned.0),
            narrow(greatest).unwrap_or(any.unsigned.1),
        );
        Numbers {
            signed,
            unsigned,
            ..any
        }
    }
}

/// A bound as a number of another size, if it is one.
fn narrow<T: TryFrom<i128>>(bound: Option<i128>) -> Option<T> {
    T::try_from(bound?).ok()
}
