//! Where packets are stored that an element sends.

use alloc::vec::Vec;

use crate::element::Context;
use crate::graph::Direction;

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
                let Some(target) = context.plan.target(element, port) else {
                    return Self::default();
                };
                if context.room(target.element).is_some() {
                    found.push(target.element);
                } else if !seen.contains(&target.element) {
                    seen.push(target.element);
                }
            }
        }
        Self { elements: found }
    }

    /// How many packets can be sent until nothing more can be stored.
    pub(super) fn room(&self, context: &Context<'_>) -> usize {
        let rooms = self.elements.iter().map(|element| context.room(*element));
        let rooms = rooms.map(|room| room.unwrap_or(usize::MAX));
        rooms.max().unwrap_or(usize::MAX)
    }

    /// Whether nothing more can be stored.
    pub(super) fn is_full(&self, context: &Context<'_>) -> bool {
        self.room(context) == 0
    }
}
