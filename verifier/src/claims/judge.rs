//! Runs held against claims, step by step and fast: a trial asks before every instruction.

use core::ops::Range;

use bpf_object::{Image, Reg};
use bpf_runtime::{Addresses, Registers};

use super::{Claims, Held, held};

/// The claims of all engines about one program, by slot.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    engines: Vec<&'a str>,
    slots: Vec<Slot>,
    values: Vec<Value>,
}

/// What is claimed of one instruction. Engines are bits.
#[derive(Clone, Debug, Default)]
struct Slot {
    unreachable: u8,
    /// Directions that are not taken: passing the jump, and taking it.
    closed: [u8; 2],
    values: Range<usize>,
}

/// What one engine claims of one register.
#[derive(Clone, Copy, Debug)]
struct Value {
    engine: usize,
    register: Reg,
    held: Held,
}

impl<'a> Judge<'a> {
    /// More than eight engines are not heard.
    pub(crate) fn new(image: &Image, claims: &'a [Claims]) -> Self {
        let mut slots = vec![Slot::default(); image.code().len()];
        let mut values: Vec<(u32, Value)> = Vec::new();
        for (engine, claims) in claims.iter().take(8).enumerate() {
            let bit = 1_u8.wrapping_shl(u32::try_from(engine).unwrap_or(0));
            for slot in &claims.unreachable {
                if let Some(slot) = slots.get_mut(index(*slot)) {
                    slot.unreachable |= bit;
                }
            }
            for (slot, taken) in &claims.closed {
                if let Some(slot) = slots.get_mut(index(*slot)) {
                    let [passed, jumped] = &mut slot.closed;
                    *(if *taken { jumped } else { passed }) |= bit;
                }
            }
            values.extend(claims.values.iter().filter_map(|claim| {
                let value = Value {
                    engine,
                    register: Reg::new(claim.register)?,
                    held: claim.held,
                };
                Some((claim.slot, value))
            }));
        }
        values.sort_by_key(|(slot, _)| *slot);
        for (at, (slot, _)) in values.iter().enumerate() {
            if let Some(slot) = slots.get_mut(index(*slot)) {
                if slot.values.is_empty() {
                    slot.values = at..at;
                }
                slot.values.end = at.saturating_add(1);
            }
        }
        Self {
            engines: claims.iter().map(|claims| claims.engine.as_str()).collect(),
            slots,
            values: values.into_iter().map(|(_, value)| value).collect(),
        }
    }

    /// Whether every engine thinks that a run may take this direction of the jump in `slot`.
    pub(crate) fn may_go(&self, slot: u32, taken: bool) -> bool {
        self.slots.get(index(slot)).is_none_or(|slot| {
            let [passed, jumped] = slot.closed;
            slot.unreachable == 0 && (if taken { jumped } else { passed }) == 0
        })
    }

    /// What is wrong when the instruction in `slot` is about to be executed.
    #[inline]
    pub(crate) fn at(
        &self,
        slot: u32,
        registers: &Registers,
        addresses: &Addresses,
    ) -> Option<String> {
        let here = self.slots.get(index(slot))?;
        if here.unreachable != 0 {
            let engine = self.engine(here.unreachable);
            return Some(format!(
                "an instruction is executed of which {engine} proved that it is never reached"
            ));
        }
        let values = self.values.get(here.values.clone())?.iter();
        let wrong = values
            .map(|value| (value, registers.get(value.register)))
            .find(|(value, holds)| !value.held.allows(*holds, addresses));
        wrong.map(|(value, holds)| {
            let Value {
                engine,
                register,
                held,
            } = value;
            let engine = self.engines.get(*engine).copied().unwrap_or_default();
            let holds = held::describe(holds, addresses);
            format!("{register} holds {holds}, and {engine} proved that it holds {held}")
        })
    }

    /// What is wrong when the jump in `slot` goes this way.
    #[inline]
    pub(crate) fn going(&self, slot: u32, taken: bool) -> Option<String> {
        let [passed, jumped] = self.slots.get(index(slot))?.closed;
        let engines = if taken { jumped } else { passed };
        (engines != 0).then(|| {
            let engine = self.engine(engines);
            let way = if taken { "taken" } else { "passed" };
            format!("a jump is {way} of which {engine} proved that it never is")
        })
    }

    /// The name of the first of these engines.
    fn engine(&self, engines: u8) -> &str {
        let first = engines.trailing_zeros();
        let name = self.engines.get(usize::try_from(first).unwrap_or(0));
        name.copied().unwrap_or_default()
    }
}

fn index(slot: u32) -> usize {
    usize::try_from(slot).unwrap_or(usize::MAX)
}
