//! Where packets are stored that an element sends.

use alloc::vec::Vec;

use crate::element::Context;
use crate::graph::Direction;
use crate::language::Endpoint;

/// The elements that store what another one sends, wherever it goes; none if some of it is not
/// stored (Click's full notifiers).
#[derive(Debug, Default)]
pub(super) struct Storage {
    elements: Vec<usize>,
}

impl Storage {
    /// Looks for the storage behind the element that is called.
    pub(super) fn behind(context: &Context<'_>) -> Self {
        let mut found = Vec::new();
        let mut seen = Vec::from([context.element()]);
        let mut next = 0;
        while let Some(element) = seen.get(next).copied() {
            next = next.saturating_add(1);
            let outputs = context.plan.graph.ports(element, Direction::Output);
            if outputs == 0 {
                return Self::default();
            }
            for port in 0..outputs {
                let Some(target) = context.plan.graph.target(Endpoint { element, port }) else {
                    return Self::default();
                };
                if context.is_full(target.element).is_some() {
                    found.push(target.element);
                } else if !seen.contains(&target.element) {
                    seen.push(target.element);
                }
            }
        }
        Self { elements: found }
    }

    /// Whether nothing more can be stored.
    pub(super) fn is_full(&self, context: &Context<'_>) -> bool {
        let full = |element: &usize| context.is_full(*element) == Some(true);
        !self.elements.is_empty() && self.elements.iter().all(full)
    }
}
