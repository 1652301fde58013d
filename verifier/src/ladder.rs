//! The rungs by which a program with loops is proved.
//!
//! The checker walks through loops and says how often each runs. So PREVAIL, which loses track of
//! most loops, gets the program [unwound](crate::unwind) that often, and normally one attempt is
//! enough. What is too long for that PREVAIL gets as it is: on such a program it answers within
//! milliseconds or not at all, so that is left to a process with a short limit of its own, and comes
//! before long unwound programs, which take seconds.

use bpf_checker::{Facts as CheckerFacts, Options, Verdict, Watch};
use bpf_object::Image;
use platform_click::Code;

use crate::answer::{Answer, Disagreement, Gap, Next, Outcome, Rung};
use crate::checks::{self, Checked, Failure};
use crate::codes;
use crate::finding::Report;
use crate::first::{self, Prover};
use crate::prevail::Proof;
use crate::second::{self, Loops};
use crate::unwind::{self, Apart, Bounds, TrapCause, Unwinding, Unwound};

/// Slots of an unwound program that are proved at once: one to two seconds.
const QUICK: usize = 8_192;

/// Slots of an unwound program that are proved at all. PREVAIL takes 0.1 to 0.3 ms and 20 to 100 KB
/// for each, as measured on a collection of ordinary loops: this stays within the limits of a worker.
const LONGEST: usize = 20_000;

/// Slots of an unwound program in which a mistake is looked for that the checker found: most are in
/// the first iterations or the last.
const SEARCHED: usize = 2_048;

/// How many times as long as what is proved a program may be before what is not reached is left out.
/// Loops whose number of iterations depends on the loop around them are twice as long.
const LEFT_OUT: usize = 4;

/// Attempts to prove: with the checker's bounds, with all copies, and with twice, four and eight times
/// the iterations. Where PREVAIL does not see a loop end by then, it never does.
const MAX_ATTEMPTS: u32 = 5;

/// Attempts to find a mistake, each with twice the iterations: up to 2,048.
const MAX_SEARCHES: u32 = 12;

/// What the rung says about an image by the crate `prevail`.
#[cfg(test)]
pub(crate) fn examine(image: &Image, rung: Rung) -> Answer {
    examine_by(Prover::Rust, image, rung)
}

/// What the rung says about an image: own checks, then the engines.
pub(crate) fn examine_by(prover: Prover, image: &Image, rung: Rung) -> Answer {
    let checked = match checks::check(image) {
        Ok(checked) => checked,
        Err(Failure::Rejected(reports)) => return settled(Outcome::Rejected(reports)),
        Err(Failure::TooComplex) => {
            let reason = "the checks before the engines were given up".into();
            return settled(undecided(codes::TOO_COMPLEX, reason));
        }
    };
    let mut options = Options::default();
    options.watch = Watch::Everything;
    let second = bpf_checker::check(image, &options);
    let longest = match rung {
        Rung::Quick => QUICK,
        Rung::Unwound => LONGEST,
        Rung::Plain | Rung::Guarded => 0,
    };
    if rung == Rung::Plain {
        let first = prover.prove(image, &checked);
        return settled(second::judge(
            prover,
            image,
            &checked,
            first,
            second,
            Loops::Plain,
        ));
    }
    if !unwind::has_loops(image) {
        return settled(without_loops(prover, image, &checked, second));
    }
    match second {
        Verdict::Accepted(facts) if rung == Rung::Guarded => {
            settled(guarded(prover, image, &checked, facts))
        }
        Verdict::Accepted(facts) => Climb::new(prover, image, &checked, facts, longest).prove(),
        Verdict::Rejected(findings) => {
            let reports: Vec<Report> = findings.into_iter().map(second::report).collect();
            match search(prover, image, &reports) {
                Some(found) => settled(found),
                None => open(Outcome::Rejected(reports)),
            }
        }
        Verdict::Undecided(why) => open(undecided(codes::UNCONFIRMED, why.to_string())),
    }
}

fn undecided(code: Code, reason: String) -> Outcome {
    Outcome::Undecided(Gap { code, reason })
}

/// No other rung knows more.
fn settled(outcome: Outcome) -> Answer {
    Answer {
        outcome,
        next: Next::Nothing,
    }
}

/// The program as it is may be accepted; this stands if it is not.
fn open(outcome: Outcome) -> Answer {
    Answer {
        outcome,
        next: Next::Plain,
    }
}

/// So may the program with guards, which are what the checker says of a program that it accepts.
fn accepted_by_checker(outcome: Outcome) -> Answer {
    Answer {
        outcome,
        next: Next::Guarded,
    }
}

/// There is nothing to unwind. Still, what PREVAIL refuses it may accept in the form of an unwound
/// program, which says more plainly what single instructions do.
fn without_loops(prover: Prover, image: &Image, checked: &Checked<'_>, second: Verdict) -> Outcome {
    let first = prover.prove(image, checked);
    if let (Proof::Rejected(_) | Proof::Divided(_), Verdict::Accepted(facts)) = (&first, &second) {
        let in_other_words = Climb::new(prover, image, checked, facts.clone(), QUICK).prove();
        if matches!(in_other_words.outcome, Outcome::Accepted(_)) {
            return in_other_words.outcome;
        }
    }
    second::judge(prover, image, checked, first, second, Loops::Plain)
}

/// Asks PREVAIL about the program with its loops, and with guards for what the checker found out of
/// their heads. It has to prove that no guard leads to its trap.
fn guarded(prover: Prover, image: &Image, checked: &Checked<'_>, facts: CheckerFacts) -> Outcome {
    let refused = |why: &str| undecided(codes::UNWOUND, why.to_owned());
    let guarded = match unwind::guarded(image, &facts) {
        Ok(guarded) => guarded,
        Err(error) => return refused(&error.to_string()),
    };
    let Ok(again) = checks::check(&guarded.image) else {
        return refused("the checks were given up on the program with guards");
    };
    let stands_for = |slot| guarded.stands_for(slot);
    let proof = prover.prove_as(&guarded.image, &again, image, &stands_for);
    match &proof {
        Proof::Accepted(proved) if !guarded.traps().all(|slot| proved.reached.excludes(slot)) => {
            refused("PREVAIL does not see what the checker says of the heads of loops")
        }
        Proof::Rejected(_) => refused("PREVAIL refuses the program with guards"),
        _ => second::judge(
            prover,
            image,
            checked,
            proof,
            Verdict::Accepted(facts),
            Loops::Plain,
        ),
    }
}

/// Proving a program that the checker accepts by unwinding it.
struct Climb<'a> {
    prover: Prover,
    image: &'a Image,
    checked: &'a Checked<'a>,
    facts: CheckerFacts,
    bounds: Bounds,
    apart: Apart,
    longest: usize,
}

/// What an attempt came to.
enum Attempt {
    Done(Answer),
    /// One loop has to be repeated more often.
    Deeper(u32),
    /// Something that was left out may be reachable.
    Whole,
}

impl<'a> Climb<'a> {
    fn new(
        prover: Prover,
        image: &'a Image,
        checked: &'a Checked<'a>,
        facts: CheckerFacts,
        longest: usize,
    ) -> Self {
        Self {
            prover,
            image,
            checked,
            bounds: Bounds::of_loops(&facts.loops),
            facts,
            apart: Apart::Nothing,
            longest,
        }
    }

    /// Tries with paths that meet wherever they can; then, since that is longer, with some apart.
    fn prove(self) -> Answer {
        let apart = [Apart::Exits, Apart::Cases].map(|apart| Self {
            apart,
            bounds: self.bounds.clone(),
            facts: self.facts.clone(),
            ..self
        });
        let together = self.deepen();
        if matches!(together.outcome, Outcome::Accepted(_))
            || together.next == Next::GuardedOrUnwound
        {
            return together;
        }
        for climb in apart {
            if let Ok(Attempt::Done(answer)) = climb.attempt(false)
                && matches!(answer.outcome, Outcome::Accepted(_))
            {
                return answer;
            }
        }
        together
    }

    /// Tries with the checker's bounds and without what it found unreachable, then with all of it,
    /// then with twice the iterations of whichever loop PREVAIL does not see ending.
    fn deepen(mut self) -> Answer {
        let mut whole = false;
        for _ in 0..MAX_ATTEMPTS {
            match self.attempt(whole) {
                Ok(Attempt::Done(answer)) | Err(answer) => return answer,
                Ok(Attempt::Deeper(slot)) => self.bounds.double(slot),
                Ok(Attempt::Whole) => {}
            }
            whole = true;
        }
        self.lost("PREVAIL does not see it end")
    }

    fn attempt(&self, whole: bool) -> Result<Attempt, Answer> {
        let unwinding = Unwinding::with_apart(self.image, &self.bounds, self.apart)
            .map_err(|error| self.too_large(error.slot, None))?;
        let all = unwinding.whole().map_err(invalid)?;
        let size = unwind::inlined_size(&all.image);
        if size > LONGEST.saturating_mul(LEFT_OUT) {
            return Err(self.too_large(self.longest_loop(), Some(size)));
        }
        let reachable = match bpf_checker::check(&all.image, &Options::default()) {
            Verdict::Accepted(facts) => facts.reachable,
            Verdict::Rejected(findings) => {
                let mut traps = findings.iter().filter_map(|found| all.trap_at(found.slot));
                return match traps.next() {
                    Some(TrapCause::Beyond(slot)) => Ok(Attempt::Deeper(slot)),
                    _ => Err(self.lost("the checker does not accept the unwound program")),
                };
            }
            Verdict::Undecided(why) => return Err(self.lost(&why.to_string())),
        };
        let unwound = if whole {
            all
        } else {
            unwinding.reached(&all, &reachable).map_err(invalid)?
        };
        let size = unwind::inlined_size(&unwound.image);
        if size > self.longest {
            return Err(self.too_large(self.longest_loop(), Some(size)));
        }
        Ok(self.ask(&unwinding, &unwound))
    }

    /// Asks PREVAIL about the unwound program.
    fn ask(&self, unwinding: &Unwinding<'_>, unwound: &Unwound) -> Attempt {
        let Ok(checked) = checks::check(&unwound.image) else {
            return Attempt::Done(self.lost("the checks were given up on the unwound program"));
        };
        let stands_for = |slot| unwound.stands_for(slot);
        let proof = self
            .prover
            .prove_as(&unwound.image, &checked, self.image, &stands_for);
        let second = Verdict::Accepted(self.facts.clone());
        let Disagreement {
            accepts,
            rejects,
            reports,
        } = match proof {
            Proof::Rejected(reports) => Disagreement {
                accepts: second::ENGINE.name.to_owned(),
                rejects: self.prover.names(),
                reports,
            },
            Proof::Divided(disagreement) => first::divided(disagreement, second),
            proof => {
                let loops = self.loops(unwinding, unwound, &proof);
                let prover = self.prover;
                let outcome = second::judge(prover, self.image, self.checked, proof, second, loops);
                return Attempt::Done(settled(outcome));
            }
        };
        let (traps, real): (Vec<_>, Vec<_>) = reports
            .into_iter()
            .map(|report| (unwound.trap_at(report.slot), report))
            .partition(|(trap, _)| trap.is_some());
        if real.is_empty() {
            let mut causes = traps.into_iter().filter_map(|(trap, _)| trap);
            return match causes.next() {
                Some(TrapCause::Beyond(slot)) => Attempt::Deeper(slot),
                _ => Attempt::Whole,
            };
        }
        let reports = real.into_iter().map(|(_, report)| report);
        let disagreed = Outcome::Disagreed(Disagreement {
            accepts,
            rejects,
            reports: locate(unwinding, unwound, reports),
        });
        Attempt::Done(accepted_by_checker(disagreed))
    }

    /// How often each loop runs at most: the deepest iteration that either proof reaches.
    fn loops(&self, unwinding: &Unwinding<'_>, unwound: &Unwound, proof: &Proof) -> Loops {
        let mut deepest = Bounds::of_loops(&self.facts.loops);
        let mut longest = 0;
        if let Proof::Accepted(proved) = proof {
            let excluded = |slot| proved.reached.excludes(slot);
            longest = unwound.longest_run(excluded).unwrap_or(0);
            for (slot, iteration) in
                unwinding.iterations_where(unwound, |slot| proved.reached.contains(slot))
            {
                deepest.at_least(slot, iteration);
            }
        }
        Loops::Unwound {
            slots: u32::try_from(unwound.image.code().len()).unwrap_or(u32::MAX),
            bounds: deepest,
            longest,
        }
    }

    /// The loop with the most iterations.
    fn longest_loop(&self) -> u32 {
        let longest = self.facts.loops.iter().max_by_key(|fact| fact.iterations);
        longest.map_or(0, |fact| fact.slot)
    }

    /// There would be too many instructions; how many, if they were counted.
    fn too_large(&self, slot: u32, size: Option<usize>) -> Answer {
        let place = unwind::place(self.image, slot);
        let iterations = self.bounds.of(slot);
        let many = size.map_or_else(|| "too many".into(), |size| size.to_string());
        let reason = format!(
            "the loop at {place} runs up to {iterations} times, and with every loop unwound there are \
             {many} instructions, of which PREVAIL is given {LONGEST} at most"
        );
        let outcome = undecided(codes::UNWOUND, reason);
        match size {
            Some(size) if size <= LONGEST && self.is_by_the_checker() => Answer {
                outcome,
                next: Next::GuardedOrUnwound,
            },
            _ => accepted_by_checker(outcome),
        }
    }

    /// Whether the bounds are still those of the checker.
    fn is_by_the_checker(&self) -> bool {
        self.bounds == Bounds::of_loops(&self.facts.loops)
    }

    /// Unwinding does not lead on.
    fn lost(&self, why: &str) -> Answer {
        let place = unwind::place(self.image, self.longest_loop());
        let reason = format!("unwinding the loop at {place} did not help: {why}");
        accepted_by_checker(undecided(codes::UNWOUND, reason))
    }
}

/// A defect of ours is no reason not to try the program as it is.
fn invalid(error: unwind::Invalid) -> Answer {
    accepted_by_checker(undecided(codes::UNWOUND, error.to_string()))
}

fn locate(
    unwinding: &Unwinding<'_>,
    unwound: &Unwound,
    reports: impl Iterator<Item = Report>,
) -> Vec<Report> {
    let mut located: Vec<Report> = Vec::new();
    for report in reports {
        let report = unwinding.locate(unwound, report);
        let known = |other: &Report| (other.slot, other.code) == (report.slot, report.code);
        if !located.iter().any(known) {
            located.push(report);
        }
    }
    located.truncate(second::MAX_REPORTS);
    located
}

/// Looks for PREVAIL's view of what the checker refuses: both refuse when it refuses an instruction,
/// in whichever iteration, that the checker refuses, too.
fn search(prover: Prover, image: &Image, reports: &[Report]) -> Option<Outcome> {
    let mut bounds = Bounds::default();
    for _ in 0..MAX_SEARCHES {
        let unwinding = Unwinding::new(image, &bounds).ok()?;
        let unwound = unwinding.whole().ok()?;
        if unwind::inlined_size(&unwound.image) > SEARCHED {
            return None;
        }
        let found = match checks::check(&unwound.image) {
            Ok(checked) => match prover.prove(&unwound.image, &checked) {
                Proof::Rejected(found) => found,
                _ => return None,
            },
            // Of a copy they may know more than of the instruction.
            Err(Failure::Rejected(found)) => found,
            Err(Failure::TooComplex) => return None,
        };
        let (traps, real): (Vec<_>, Vec<_>) = found
            .into_iter()
            .map(|report| (unwound.trap_at(report.slot), report))
            .partition(|(trap, _)| trap.is_some());
        let real = real.into_iter().map(|(_, report)| report);
        let mut located = locate(&unwinding, &unwound, real);
        located.retain(|found| reports.iter().any(|report| report.slot == found.slot));
        if !located.is_empty() {
            return Some(Outcome::Rejected(located));
        }
        let mut deeper = traps.into_iter().filter_map(|(trap, _)| trap).peekable();
        deeper.peek()?;
        for trap in deeper {
            if let TrapCause::Beyond(slot) = trap {
                bounds.double(slot);
            }
        }
    }
    None
}
