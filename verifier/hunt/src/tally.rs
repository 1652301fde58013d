//! Counts of a hunt, as tables.

use core::fmt;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::judge::charges;
use crate::question::{Answer, Engine, Ran, Saying};

/// What was counted so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Programs that were asked about.
    pub programs: u64,
    /// Programs that were run.
    pub run: u64,
    /// By engine and what it says: how often.
    sayings: BTreeMap<String, u64>,
    /// By charge: how often.
    charges: BTreeMap<String, u64>,
    /// By what PREVAIL and the checker say: how often.
    pairs: BTreeMap<String, u64>,
    /// Programs that fault and that nobody refuses: only the trial is left.
    pub accepted_by_all: u64,
}

impl Tally {
    /// Counts an answer.
    pub fn add(&mut self, answer: &Answer) {
        self.programs += 1;
        self.run += u64::from(answer.ran != Ran::No);
        for engine in Engine::ALL {
            let said = format!("{} {}", engine.name(), answer.of(engine).word());
            *self.sayings.entry(said).or_default() += 1;
        }
        let pair = format!(
            "{} / {}",
            answer.of(Engine::Prevail).word(),
            answer.of(Engine::Checker).word()
        );
        *self.pairs.entry(pair).or_default() += 1;
        let found = charges(answer);
        for charge in &found {
            *self.charges.entry(charge.to_string()).or_default() += 1;
        }
        let all = answer.sayings.iter().all(|said| *said == Saying::Accepts);
        self.accepted_by_all += u64::from(all && matches!(answer.ran, Ran::Fault { .. }));
    }

    /// How often something was charged.
    #[must_use]
    pub fn charged(&self, charge: &str) -> u64 {
        self.charges.get(charge).copied().unwrap_or(0)
    }
}

/// Tables for a terminal.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} programs, {} of them run", self.programs, self.run)?;
        let words = ["accepts", "refuses", "undecided", "panics", "hangs", "-"];
        write!(f, "\n{:<12}", "engine")?;
        for word in words {
            write!(f, "{:>11}", if word == "-" { "not asked" } else { word })?;
        }
        writeln!(f, "{:>11}{:>12}", "unsound", "wrong facts")?;
        for engine in Engine::ALL {
            let name = engine.name();
            write!(f, "{name:<12}")?;
            for word in words {
                let count = self.sayings.get(&format!("{name} {word}"));
                write!(f, "{:>11}", count.copied().unwrap_or(0))?;
            }
            let unsound = self.charged(&format!("{name}-unsound"));
            let wrong = self.charged(&format!("{name}-wrong-fact"));
            writeln!(f, "{unsound:>11}{wrong:>12}")?;
        }
        writeln!(f, "\n{:<26}{:>10}", "prevail / checker", "programs")?;
        for (pair, count) in &self.pairs {
            writeln!(f, "{pair:<26}{count:>10}")?;
        }
        writeln!(
            f,
            "\nprograms that fault although everyone accepts them: {}",
            self.accepted_by_all
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_engine_and_by_pair() {
        let mut tally = Tally::default();
        tally.add(&Answer {
            sayings: [
                Saying::Accepts,
                Saying::Accepts,
                Saying::Refuses(3, String::new()),
            ],
            ran: Ran::Fault {
                run: 0,
                code: String::new(),
                text: String::new(),
            },
            ..Answer::NOTHING
        });
        assert_eq!(
            (tally.programs, tally.run, tally.accepted_by_all),
            (1, 1, 0)
        );
        assert_eq!(tally.charged("prevail-unsound"), 1);
        let text = tally.to_string();
        assert!(text.contains("accepts / refuses"), "{text}");
    }
}
