//! The checker's facts as claims.

use bpf_checker::{Facts, Known, Number, Region};
use bpf_object::{Image, Insn};
use platform_click::limits::{MAX_CALL_FRAMES, STACK_FRAME_SIZE};

use super::{Claims, Collector, Held, Numbers, Place, SlotOf, Target};

/// What the checker claims of `image`, from its facts about the program that it judged, with all
/// registers ([`bpf_checker::Watch::Everything`]).
pub(crate) fn claims(image: &Image, judged: &Image, facts: &Facts, slot_of: SlotOf<'_>) -> Claims {
    let mut collector = Collector::new(image);
    for (slot, insn) in (0_u32..).zip(judged.code()) {
        if !facts.reachable.contains(slot) {
            continue;
        }
        let Some(place) = slot_of(slot) else { continue };
        let registers = facts.watched.get(&slot);
        collector.reaches(place, |reg| held(registers?.get(reg)));
        if let Insn::Branch { target, .. } = *insn {
            let taken = facts.taken.contains(slot).then_some(target);
            let passed = facts.not_taken.contains(slot);
            let passed = passed.then_some(slot.saturating_add(1));
            for next in [taken, passed].into_iter().flatten().filter_map(slot_of) {
                collector.goes(place, next);
            }
        }
    }
    collector.finish(bpf_checker::ENGINE.0)
}

fn held(known: Known) -> Option<Held> {
    match known {
        Known::Number(number) => Some(Held::Numbers(numbers(&number))),
        Known::Pointer {
            region,
            least,
            greatest,
            maybe_null,
        } => {
            let (target, start) = target(region)?;
            let offsets = match start {
                Some(start) => (least.checked_add(start)?, greatest.checked_add(start)?),
                None => Place::ANYWHERE,
            };
            Place::claim(target, offsets, maybe_null)
        }
        _ => None,
    }
}

fn numbers(number: &Number) -> Numbers {
    let (unsigned, signed, low) = (number.unsigned(), number.signed(), number.low_unsigned());
    Numbers {
        unsigned: (*unsigned.start(), *unsigned.end()),
        signed: (*signed.start(), *signed.end()),
        low: (*low.start(), *low.end()),
        bits: number.bits(),
    }
}

/// What a region is in claims, and what to add to the checker's offsets; none where these count from
/// a place that differs from packet to packet.
fn target(region: Region) -> Option<(Target, Option<i64>)> {
    Some(match region {
        Region::Context => (Target::Context, Some(0)),
        Region::Packet => (Target::Packet, Some(0)),
        Region::PacketEnd => (Target::Packet, None),
        Region::Stack(frame) => {
            // The frame pointer is behind the frame's last byte.
            let top = MAX_CALL_FRAMES
                .checked_sub(frame)?
                .checked_mul(STACK_FRAME_SIZE)?;
            (Target::Stack, Some(i64::try_from(top).ok()?))
        }
        Region::Map(map) => (Target::Map(Some(map)), Some(0)),
        Region::MapValue(map) => (Target::Value(map), Some(0)),
        Region::Data(section) => (Target::Data(section), Some(0)),
        _ => return None,
    })
}
