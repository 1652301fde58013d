//! What the engine claims of single instructions.

use std::collections::BTreeSet;

use ::prevail::crab::ebpf_domain::{DomainContext, EbpfDomain};
use ::prevail::crab::var_registry::VariableRegistry;
use ::prevail::spec::type_descriptors::ProgramInfo;
use bpf_object::{Image, Reg};
use platform_click::PROFILE;

use super::{Analysis, ENGINE};
use crate::claims::{Claims, Collector, Held, Numbers, Place, SlotOf, Target};
use crate::invariant::{Bounds, Invariant};
use crate::platform::{ClickPlatform, options};

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
    // What constraints are read with; they refer to registers alone.
    let (platform, options, info) = (
        ClickPlatform::new(image),
        options(&PROFILE),
        ProgramInfo::default(),
    );
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

/// Reads what one state holds of registers.
struct Reading<'a> {
    state: &'a EbpfDomain,
    invariant: Invariant,
    context: &'a DomainContext<'a>,
    registry: &'a mut VariableRegistry,
}

impl<'a> Reading<'a> {
    fn new(
        state: &'a EbpfDomain,
        context: &'a DomainContext<'a>,
        registry: &'a mut VariableRegistry,
    ) -> Self {
        Self {
            invariant: Invariant::new(state, registry),
            state,
            context,
            registry,
        }
    }

    /// What a register holds, if it is of one type.
    fn held(&mut self, register: Reg) -> Option<Held> {
        let register = register.number();
        let (target, offset) = match self.invariant.types(register) {
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

    /// The bounds of a register's variable.
    fn bounds(&mut self, register: u8, kind: &str) -> Bounds {
        let variable = format!("r{register}.{kind}");
        match self.invariant.bounds(&variable) {
            Some(bounds) => bounds,
            None if self.invariant.mentions(&variable) => self.exact(&variable),
            None => (None, None),
        }
    }

    /// The bounds of a variable that the text form names together with another one: it writes `a=b`
    /// where it knows no more than `b<=a`, and leaves out the bounds of `a`. So the state is asked:
    /// the only bounds that it gives are those of `r0`, which is made equal to the variable.
    fn exact(&mut self, variable: &str) -> Bounds {
        let mut state = self.state.clone();
        state.havoc(self.registry.get("r0.svalue"));
        let equal = [format!("r0.svalue={variable}")].into();
        let equal = EbpfDomain::from_constraints(&equal, false, self.context, self.registry);
        let value = state.meet(&equal).get_r0(self.registry);
        if value.is_bottom() {
            return (None, None);
        }
        let [low, high] = [value.lb(), value.ub()].map(|bound| {
            let number = bound.number()?;
            let signed = number.to_i64().map(i128::from);
            signed.or_else(|| number.to_u64().map(i128::from))
        });
        (low, high)
    }
}

/// A bound as a number of another size, if it is one.
fn narrow<T: TryFrom<i128>>(bound: Option<i128>) -> Option<T> {
    T::try_from(bound?).ok()
}
