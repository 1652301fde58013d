//! What is a finding.

use core::fmt;

use crate::question::{Answer, Engine, Ran, Saying};

/// What an engine did that it must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Offence {
    /// It accepts a program, and a run of it faults.
    Unsound,
    /// It accepts a program, and a run of it is not as it claims.
    WrongFact,
    /// It panics.
    Panic,
    /// It does not end.
    Hang,
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unsound => "unsound",
            Self::WrongFact => "wrong-fact",
            Self::Panic => "panic",
            Self::Hang => "hang",
        })
    }
}

/// An engine and what it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Charge {
    /// Who.
    pub engine: Engine,
    /// What.
    pub offence: Offence,
}

impl Charge {
    /// In a line.
    #[must_use]
    pub fn in_words(&self) -> String {
        let name = self.engine.name();
        match self.offence {
            Offence::Unsound => format!("{name} accepts a program that faults"),
            Offence::WrongFact => format!("{name} claims what a run contradicts"),
            Offence::Panic => format!("{name} panics"),
            Offence::Hang => format!("{name} does not end"),
        }
    }
}

impl fmt::Display for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}-{}",
            self.engine.name().replace(' ', "-"),
            self.offence
        )
    }
}

/// Everything that an answer shows. The own checks are no proof: that they let a program pass is no
/// offence.
#[must_use]
pub fn charges(answer: &Answer) -> Vec<Charge> {
    let mut charges = Vec::new();
    for engine in Engine::ALL {
        let blamed = |reason: &String| reason.contains(engine.in_claims());
        let offence = match (answer.of(engine), &answer.ran) {
            (Saying::Panics(_), _) => Some(Offence::Panic),
            (Saying::Hangs(_), _) => Some(Offence::Hang),
            (Saying::Accepts, Ran::Fault { .. }) if engine != Engine::OwnChecks => {
                Some(Offence::Unsound)
            }
            (Saying::Accepts, Ran::Contradiction { .. }) if engine == Engine::Checker => {
                Some(Offence::WrongFact)
            }
            _ if answer.trial.as_ref().is_some_and(blamed) => Some(Offence::WrongFact),
            _ => None,
        };
        charges.extend(offence.map(|offence| Charge { engine, offence }));
    }
    charges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(sayings: [Saying; 3], ran: Ran) -> Answer {
        Answer {
            sayings,
            ran,
            ..Answer::NOTHING
        }
    }

    fn fault() -> Ran {
        Ran::Fault {
            run: 0,
            code: String::new(),
            text: String::new(),
        }
    }

    #[test]
    fn only_who_accepts_is_charged_with_a_fault() {
        let refuses = || Saying::Refuses(0, String::new());
        let found = charges(&answer(
            [Saying::Accepts, Saying::Accepts, refuses()],
            fault(),
        ));
        let charge = Charge {
            engine: Engine::Prevail,
            offence: Offence::Unsound,
        };
        assert_eq!(found, [charge]);
        assert_eq!(charge.to_string(), "prevail-unsound");
        let well = answer(
            [Saying::Accepts, Saying::Accepts, Saying::Accepts],
            Ran::Well,
        );
        assert_eq!(charges(&well), []);
    }

    #[test]
    fn panics_and_wrong_facts_are_charged() {
        let wrong = Ran::Contradiction {
            run: 0,
            text: String::new(),
        };
        let panics = Saying::Panics(String::new());
        let found = charges(&answer([panics, Saying::Accepts, Saying::Accepts], wrong));
        let names: Vec<String> = found.iter().map(Charge::to_string).collect();
        assert_eq!(names, ["own-checks-panic", "checker-wrong-fact"]);
    }
}
