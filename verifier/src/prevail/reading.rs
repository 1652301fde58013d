//! What the engine knows of registers in one state.

use ::prevail::crab::ebpf_domain::{DomainContext, EbpfDomain};
use ::prevail::crab::var_registry::VariableRegistry;

use crate::invariant::{Bounds, Invariant};

/// Reads what one state holds of registers: bounds that can be relied on, unlike those of the text
/// form alone.
pub(super) struct Reading<'a> {
    state: &'a EbpfDomain,
    invariant: Invariant,
    context: &'a DomainContext<'a>,
    registry: &'a mut VariableRegistry,
}

impl<'a> Reading<'a> {
    /// `context` is what constraints are read with; they refer to registers alone.
    pub(super) fn new(
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

    /// The types that a register may have, by the engine's names; empty when nothing is known.
    pub(super) fn types(&self, register: u8) -> &str {
        self.invariant.types(register)
    }

    /// The bounds of a register's variable.
    pub(super) fn bounds(&mut self, register: u8, kind: &str) -> Bounds {
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
