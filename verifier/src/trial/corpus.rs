//! Inputs that are kept because they reached something new or came to a jump that never went the
//! other way, and which of them to start from.

use super::random::Random;
use super::watch::{Hint, Watch};
use crate::scenario::{Lookup, Step};

/// Inputs that are kept because they reached something new.
const MAX_KEPT: usize = 256;

/// The latest inputs that might lead to something new.
const MAX_RECENT: usize = 32;

/// Inputs of which the one with the rarest path is taken.
const CANDIDATES: usize = 3;

/// An input that reached something new, and what it met.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) step: Step,
    /// What would have turned its comparisons round.
    pub(super) hints: Vec<Hint>,
    /// What it looked up.
    pub(super) lookups: Vec<Lookup>,
    /// Directions that it took.
    path: Vec<usize>,
}

/// The inputs that are kept.
#[derive(Debug, Default)]
pub(super) struct Corpus {
    kept: Vec<Known>,
    /// Many inputs come to the same jump, and not every one shows what it depends on: a number that
    /// was compared is found again in random bytes, not among zeros.
    recent: Vec<Known>,
}

impl Corpus {
    /// Notes the input of the last run, which reached something new or not.
    pub(super) fn note(
        &mut self,
        step: &Step,
        lookups: Vec<Lookup>,
        is_new: bool,
        watch: &Watch<'_>,
        random: &mut Random,
    ) {
        let promises = !watch.hints().is_empty() && random.chance(25);
        if !is_new && !promises {
            return;
        }
        let known = Known {
            step: step.clone(),
            hints: watch.hints().to_vec(),
            lookups,
            path: watch.path().to_vec(),
        };
        let (among, most) = if is_new {
            (&mut self.kept, MAX_KEPT)
        } else {
            (&mut self.recent, MAX_RECENT)
        };
        if among.len() < most {
            among.push(known);
        } else if let Some(place) = among.get_mut(random.below(most)) {
            *place = known;
        }
    }

    /// An input to start from, rather one that takes a direction that few runs took.
    pub(super) fn choose(&self, watch: &Watch<'_>, random: &mut Random) -> Option<&Known> {
        let among = match random.chance(40) && !self.recent.is_empty() {
            true => &self.recent,
            false => &self.kept,
        };
        let drawn = (0..CANDIDATES).filter_map(|_| among.get(random.below(among.len())));
        drawn.min_by_key(|known| watch.rarity(&known.path))
    }
}
