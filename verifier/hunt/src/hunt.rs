//! The hunt itself.

use core::time::Duration;
use std::collections::BTreeSet;
use std::time::Instant;

use bpf_object::Image;

use crate::finding::{Finding, telling};
use crate::judge::{Charge, Offence, charges};
use crate::question::{Answer, Asker, Case, Engine, Ran, Saying, has_loop};
use crate::reduce::smallest;
use crate::source::Source;
use crate::tally::Tally;

/// Programs that one child is asked about.
const AT_ONCE: u64 = 64;

/// PREVAIL is asked about one in so many programs with loops: it finds no end of most of them, which
/// is known, and each takes a child its whole time.
const LOOPS: u64 = 64;

/// How long to hunt.
#[derive(Clone, Copy, Debug)]
pub enum Budget {
    /// So many programs more.
    Programs(u64),
    /// So long.
    Time(Duration),
}

/// A hunt: where it is, and what it found.
#[derive(Debug)]
pub struct Hunt {
    asker: Asker,
    source: Source,
    /// The number of the next program.
    pub next: u64,
    /// What was counted.
    pub tally: Tally,
    /// What is known already: who is charged, and which instructions that takes.
    known: Vec<(Engine, BTreeSet<u64>)>,
    /// What panics are known to say.
    panics: BTreeSet<String>,
}

/// A program that shows something.
struct Suspect {
    image: Image,
    seed: u64,
    answer: Answer,
}

impl Hunt {
    /// A hunt that goes on at program `next`. What is like one of the findings in `known` is counted
    /// and not reported again.
    #[must_use]
    pub fn new(asker: Asker, source: Source, next: u64, tally: Tally, known: &[Finding]) -> Self {
        let panics = known.iter().flat_map(|finding| finding.expected.values());
        let panics = panics.filter(|shown| shown.starts_with("panics"));
        let panics = panics.cloned().collect();
        let known = known.iter().flat_map(|finding| {
            let told = finding.image().map(|image| telling(&image));
            let charged = Engine::ALL
                .into_iter()
                .filter(|engine| finding.charges(*engine));
            let pairs: Vec<_> = charged
                .zip(core::iter::repeat(told.unwrap_or_default()))
                .collect();
            pairs
        });
        Self {
            asker,
            source,
            next,
            tally,
            known: known.collect(),
            panics,
        }
    }

    /// Hunts; hands each new finding, with what happens, to `found`, and what was counted to
    /// `progress`.
    pub fn run(
        &mut self,
        budget: Budget,
        mut found: impl FnMut(Finding, String),
        mut progress: impl FnMut(&Self),
    ) {
        let (start, first) = (Instant::now(), self.next);
        loop {
            let left = match budget {
                Budget::Programs(programs) => programs.saturating_sub(self.next - first),
                Budget::Time(time) if start.elapsed() < time => AT_ONCE,
                Budget::Time(_) => 0,
            };
            if left == 0 {
                return;
            }
            for suspect in self.batch(left.min(AT_ONCE)) {
                for charge in charges(&suspect.answer) {
                    if let Some((finding, text)) = self.reduced(&suspect, charge) {
                        found(finding, text);
                    }
                }
            }
            progress(self);
        }
    }

    /// Asks about the next programs; gives those that show something.
    fn batch(&mut self, count: u64) -> Vec<Suspect> {
        let numbers = self.next..self.next + count;
        self.next += count;
        let (mut straight, mut looping, mut rare) = (Vec::new(), Vec::new(), Vec::new());
        for number in numbers {
            let Some((image, seed)) = self.source.program(number) else {
                continue;
            };
            if !has_loop(&image) {
                straight.push((image, seed));
            } else if number % LOOPS == 0 {
                rare.push((image, seed));
            } else {
                looping.push((image, seed));
            }
        }
        let mut suspects = self.asked(&Engine::ALL, straight);
        suspects.extend(self.asked(&[Engine::OwnChecks, Engine::Checker], looping));
        for program in rare {
            suspects.extend(self.asked(&Engine::ALL, vec![program]));
        }
        suspects
    }

    fn asked(&mut self, engines: &[Engine], programs: Vec<(Image, u64)>) -> Vec<Suspect> {
        let cases: Vec<Case> = programs
            .iter()
            .map(|(image, seed)| Case::new(image, *seed))
            .collect();
        let answers = self.asker.ask(engines, &cases);
        let mut suspects = Vec::new();
        for ((image, seed), answer) in programs.into_iter().zip(answers) {
            self.tally.add(&answer);
            if !charges(&answer).is_empty() {
                suspects.push(Suspect {
                    image,
                    seed,
                    answer,
                });
            }
        }
        suspects
    }

    /// The finding of a charge, made small; none when it is known.
    fn reduced(&mut self, suspect: &Suspect, charge: Charge) -> Option<(Finding, String)> {
        if charge.offence == Offence::Hang && has_loop(&suspect.image) {
            return None;
        }
        let shown = suspect.answer.of(charge.engine).shown();
        if charge.offence == Offence::Panic && !self.panics.insert(shown) {
            return None;
        }
        let image = smallest(&self.asker, suspect.image.clone(), suspect.seed, charge);
        let told = telling(&image);
        if charge.offence != Offence::Panic && self.is_known(charge.engine, &told) {
            return None;
        }
        self.known.push((charge.engine, told));
        let answer = self.asker.about(&Case::new(&image, suspect.seed));
        let finding = Finding::new(charge, &image, suspect.seed, &answer);
        Some((finding, what_happens(&answer)))
    }

    /// A program with all the instructions that a known finding takes is another case of it.
    fn is_known(&self, engine: Engine, told: &BTreeSet<u64>) -> bool {
        self.known
            .iter()
            .any(|(other, known)| *other == engine && known.is_subset(told))
    }
}

/// In a few sentences.
fn what_happens(answer: &Answer) -> String {
    let mut text = String::new();
    for engine in Engine::ALL {
        let name = engine.name();
        match answer.of(engine) {
            Saying::Refuses(slot, cause) => {
                text += &format!("The {name} refuses slot {slot}: {cause}.\n");
            }
            Saying::Undecided(reason) => text += &format!("The {name} is undecided: {reason}.\n"),
            Saying::Panics(panic) => text += &format!("The {name} panics: {panic}.\n"),
            Saying::Hangs(reason) => text += &format!("The {name} does not end: {reason}.\n"),
            Saying::Accepts | Saying::Nothing => {}
        }
    }
    if let Some(reason) = &answer.trial {
        text += &format!("The trial: {reason}.\n");
    }
    match &answer.ran {
        Ran::Fault {
            run, text: fault, ..
        } => text += &format!("Run {run}: {fault}.\n"),
        Ran::Contradiction { run, text: what } => text += &format!("Run {run}: {what}.\n"),
        Ran::Impossible(reason) => text += &format!("It cannot be run: {reason}.\n"),
        Ran::No | Ran::Well => {}
    }
    text
}
