//! The caller's side: an object is linked here, examined by workers, and their answers checked.

use core::time::Duration;

use bpf_object::{Image, Object, ParseOptions};
use platform_click::limits::{MAX_CALL_FRAMES, STACK_FRAME_SIZE};
use platform_click::{Digest, HelperId, ProgramKind};

use crate::answer::{Disagreement, Facts, Gap, Outcome, Request, Task, TrialRequest};
use crate::claims;
use crate::climb::LoopMethod;
use crate::codes;
use crate::first::EngineChoice;
use crate::second;
use crate::trial::{Contradiction, Ending};
use crate::verdict::{
    AcceptedProgram, Counterexample, LoopBound, ObjectFacts, Trial, Undecided, Verdict, VerifyError,
};
use crate::wire::{Bytes, Wire, decode, encode};
use crate::worker::{Limits, Sandbox, Worker, WorkerError};

/// Bytes of stack of all frames.
const MAX_STACK: usize = STACK_FRAME_SIZE.saturating_mul(MAX_CALL_FRAMES);

/// What the object itself does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyOptions {
    /// The kind of programs in a section of the legacy name `bpffilter`.
    pub bpffilter: ProgramKind,
    /// Whether accepted programs are tried; what is to be signed must be.
    pub trial: bool,
    /// How programs with loops are proved.
    pub loops: LoopMethod,
    /// Which PREVAIL proves.
    pub engine: EngineChoice,
    /// What the trial's inputs are made of; drawn at random when not given, so that nobody can write
    /// a program for known inputs.
    pub trial_seed: Option<u64>,
    /// How often each program is run at most. The trial ends before that where more runs find
    /// nothing new.
    pub trial_runs: u32,
    /// How long the trial of all programs may take, in whole milliseconds. It changes how many runs
    /// there are, and nothing else.
    pub trial_time: Duration,
}

impl VerifyOptions {
    /// About ten times what ordinary programs take until nothing new is found.
    pub const DEFAULT_TRIAL_RUNS: u32 = 100_000;

    /// What a person hardly notices.
    pub const DEFAULT_TRIAL_TIME: Duration = Duration::from_secs(1);
}

/// With a trial, of a random seed.
impl Default for VerifyOptions {
    fn default() -> Self {
        Self {
            bpffilter: ParseOptions::default().bpffilter,
            trial: true,
            loops: LoopMethod::Auto,
            engine: EngineChoice::Auto,
            trial_seed: None,
            trial_runs: Self::DEFAULT_TRIAL_RUNS,
            trial_time: Self::DEFAULT_TRIAL_TIME,
        }
    }
}

/// Verifies every program of an object.
///
/// The object is linked here; digests and everything that follows from the image alone are taken
/// from here. Own checks and engine run in one child process, the trial of what they accept in
/// another; a child that crashes, hangs or talks nonsense leaves the verdict undecided.
///
/// # Errors
/// The bytes are not a valid object, a child cannot be started, or there are no random numbers.
pub fn verify_object(
    object: &[u8],
    options: &VerifyOptions,
    worker: &Worker,
) -> Result<Verdict, VerifyError> {
    match verify(object, options, worker) {
        Ok(facts) => Ok(Verdict::Accepted(facts)),
        Err(Stop::Verdict(verdict)) => Ok(*verdict),
        Err(Stop::Error(error)) => Err(error),
    }
}

/// Why verification ends before acceptance.
pub(crate) enum Stop {
    Verdict(Box<Verdict>),
    Error(VerifyError),
}

impl From<Undecided> for Stop {
    fn from(undecided: Undecided) -> Self {
        Self::Verdict(Box::new(Verdict::Undecided(undecided)))
    }
}

impl<E: Into<VerifyError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

fn verify(object: &[u8], options: &VerifyOptions, worker: &Worker) -> Result<ObjectFacts, Stop> {
    let prover = options.engine.prover().ok_or(VerifyError::NotBuiltIn)?;
    let bpffilter = options.bpffilter;
    let parsed = Object::parse(object, ParseOptions { bpffilter })?;
    let mut programs = Vec::new();
    for program in parsed.programs() {
        programs.push(Linked {
            name: program.name(),
            image: parsed.link(program)?,
        });
    }
    let case = Case {
        worker,
        bpffilter,
        object: Bytes(object.to_vec()),
        programs,
    };
    let (outcomes, sandbox) = case.climb(options.loops, prover)?;
    let facts = case.proved(outcomes)?;
    let programs = case.accepted(&facts)?;
    let mut accepted = ObjectFacts {
        object: parsed.digest(),
        programs,
        engines: [prover.engines(), &[second::ENGINE]].concat(),
        sandbox,
        trial: None,
    };
    if options.trial {
        let seed = match options.trial_seed {
            Some(seed) => seed,
            None => getrandom::u64().map_err(VerifyError::Random)?,
        };
        let request = TrialRequest {
            seed,
            runs: options.trial_runs,
            time_ms: u64::try_from(options.trial_time.as_millis()).unwrap_or(u64::MAX),
            facts,
        };
        let before = Trial {
            seed,
            max_runs: request.runs,
            max_time_ms: request.time_ms,
            ..Trial::default()
        };
        let limits = worker.with_more_time(options.trial_time).limits;
        let (endings, sandbox) = case.ask(Task::Try(request), &case.programs, limits)?;
        accepted.trial = Some(case.tried(before, endings)?);
        accepted.sandbox = accepted.sandbox.and(sandbox);
    }
    Ok(accepted)
}

/// A program of the object.
pub(crate) struct Linked<'a> {
    name: &'a str,
    image: Image,
}

/// An object that is being verified.
pub(crate) struct Case<'a> {
    pub(crate) worker: &'a Worker,
    bpffilter: ProgramKind,
    object: Bytes,
    pub(crate) programs: Vec<Linked<'a>>,
}

impl Case<'_> {
    /// Asks a new child about programs. Its answer counts when it is about the same images.
    pub(crate) fn ask<T: Wire>(
        &self,
        task: Task,
        about: &[Linked<'_>],
        limits: Limits,
    ) -> Result<(Vec<T>, Sandbox), Stop> {
        let request = Request {
            bpffilter: self.bpffilter,
            object: self.object.clone(),
            task,
        };
        let worker = Worker {
            limits,
            ..self.worker.clone()
        };
        let reply = match worker.call(&encode(&request)) {
            Ok(reply) => reply,
            Err(error @ (WorkerError::Start { .. } | WorkerError::Request(_))) => {
                return Err(VerifyError::Worker(error).into());
            }
            Err(error) => return Err(Undecided::new(error.code(), None, error.to_string()).into()),
        };
        match about_these(about, &reply.payload) {
            Some(answers) => Ok((answers, reply.sandbox)),
            None => {
                let reason = "the worker's answer does not belong to this object";
                Err(Undecided::new(codes::ANSWER, None, reason).into())
            }
        }
    }

    /// What is proved of each program, if all are accepted; else every finding, or what is
    /// undecided when there is none.
    fn proved(&self, outcomes: Vec<Outcome>) -> Result<Vec<Facts>, Stop> {
        let mut proved = Vec::new();
        let mut findings = Vec::new();
        let mut undecided = None;
        for (Linked { name, image }, outcome) in self.programs.iter().zip(outcomes) {
            let mut undecide = |code, reason| {
                undecided = Some(Undecided::new(code, Some(name), reason));
            };
            match outcome {
                Outcome::Accepted(facts) => proved.push(facts),
                Outcome::Rejected(reports) if reports.is_empty() => {
                    undecide(
                        codes::ANSWER,
                        "the program is rejected without a reason".into(),
                    );
                }
                Outcome::Rejected(reports) => {
                    findings.extend(reports.into_iter().map(|report| report.locate(name, image)));
                }
                Outcome::Disagreed(disagreement) => {
                    undecided = Some(disagreed(name, image, disagreement));
                }
                Outcome::Undecided(Gap { code, reason }) => undecide(code, reason),
            }
        }
        match undecided {
            _ if !findings.is_empty() => Err(Stop::Verdict(Box::new(Verdict::Rejected(findings)))),
            Some(undecided) => Err(undecided.into()),
            None => Ok(proved),
        }
    }

    fn accepted(&self, facts: &[Facts]) -> Result<Vec<AcceptedProgram>, Stop> {
        let programs = self.programs.iter().zip(facts).map(|(program, facts)| {
            accepted(program, facts).ok_or_else(|| {
                let reason = "the bounds in the worker's answer are not possible";
                Undecided::new(codes::ANSWER, Some(program.name), reason).into()
            })
        });
        programs.collect()
    }

    /// The sum of all trials, if none contradicts a proof.
    fn tried(&self, mut trial: Trial, endings: Vec<Ending>) -> Result<Trial, Stop> {
        for (program, ending) in self.programs.iter().zip(endings) {
            match ending {
                Ending::Passed(summary) => trial.add(&summary),
                Ending::Contradicted(found) => {
                    return Err(contradicted(program, trial.seed, found).into());
                }
                Ending::Impossible(reason) => {
                    let reason = format!("the program cannot be tried: {reason}");
                    let name = Some(program.name);
                    return Err(Undecided::new(codes::UNSUPPORTED, name, reason).into());
                }
            }
        }
        Ok(trial)
    }
}

/// The answers in a reply, if it is well-formed and about the same images in the same order.
fn about_these<T: Wire>(programs: &[Linked<'_>], payload: &[u8]) -> Option<Vec<T>> {
    let answers: Vec<(Digest, T)> = decode(payload).ok()?;
    let about = answers.iter().map(|(digest, _)| *digest);
    let these = programs.iter().map(|program| program.image.digest());
    about
        .eq(these)
        .then(|| answers.into_iter().map(|(_, answer)| answer).collect())
}

/// The facts of an accepted program, if the worker's bounds are possible ones. What follows from
/// the image is taken from the image.
fn accepted(program: &Linked<'_>, facts: &Facts) -> Option<AcceptedProgram> {
    let Linked { name, image } = program;
    let Facts {
        max_stack,
        longest_run,
        helper_calls,
        map_updates,
        unwound,
        bounds,
        ref loops,
        ..
    } = *facts;
    let allowed = image.kind().returns();
    let exit = bounds.exit_low..=bounds.exit_high;
    let possible = !exit.is_empty()
        && allowed.contains(exit.start())
        && allowed.contains(exit.end())
        && usize::try_from(max_stack).is_ok_and(|bytes| bytes <= MAX_STACK)
        && loops.is_sorted_by(|(slot, _), (next, _)| slot < next)
        && loops
            .iter()
            .all(|(slot, bound)| *bound > 0 && is_slot(image, *slot));
    let helpers: Option<Vec<HelperId>> = image
        .helper_numbers()
        .into_iter()
        .map(HelperId::from_number)
        .collect();
    possible.then_some(AcceptedProgram {
        name: (*name).into(),
        kind: image.kind(),
        image: image.digest(),
        instructions: u32::try_from(image.code().len()).ok()?,
        max_stack,
        max_loop_count: bounds.max_loop_count,
        worst_case_instructions: longest_run,
        worst_case_helper_calls: helper_calls,
        worst_case_map_updates: map_updates,
        unwound_instructions: unwound,
        loops: loops
            .iter()
            .map(|(slot, bound)| LoopBound {
                slot: *slot,
                line: image.lines().get(*slot).cloned(),
                bound: *bound,
            })
            .collect(),
        unreached: claims::unreached(image, &facts.claims)?,
        exit,
        highest_output: bounds.highest_output,
        helpers: helpers?,
        maps: image.maps().to_vec(),
    })
}

fn is_slot(image: &Image, slot: u32) -> bool {
    usize::try_from(slot).is_ok_and(|slot| slot < image.code().len())
}

/// Two proofs that disagree, with the reasons of the one that refuses.
fn disagreed(name: &str, image: &Image, disagreement: Disagreement) -> Undecided {
    let Disagreement {
        accepts,
        rejects,
        reports,
    } = disagreement;
    let reason = format!("{accepts} accepts the program, {rejects} does not");
    Undecided {
        findings: reports
            .into_iter()
            .map(|report| report.locate(name, image))
            .collect(),
        ..Undecided::new(codes::DISAGREEMENT, Some(name), reason)
    }
}

/// A proof that a run contradicts, with the input.
fn contradicted(program: &Linked<'_>, seed: u64, found: Contradiction) -> Undecided {
    let reason = found.wrong.reason.clone();
    Undecided {
        counterexample: Some(Counterexample::new(&program.image, seed, found)),
        ..Undecided::new(codes::CONTRADICTED, Some(program.name), reason)
    }
}

#[cfg(test)]
mod tests {
    use platform_click::MapKind;

    use super::*;
    use crate::answer::{Answer, Rung};
    use crate::finding::Report;
    use crate::ladder::examine;
    use crate::prevail::Bounds;
    use crate::scenario::{Scenario, Step};
    use crate::testing::{exit, image, mov, pass};
    use crate::trial::{Summary, Wrong};

    /// Two programs, of which the second drops everything.
    fn case(worker: &Worker) -> Case<'_> {
        let linked = |name, code: &[_]| Linked {
            name,
            image: image(ProgramKind::Filter, code),
        };
        Case {
            worker,
            bpffilter: ProgramKind::Filter,
            object: Bytes(Vec::new()),
            programs: vec![linked("one", &pass()), linked("two", &[mov(0, 0), exit()])],
        }
    }

    fn worker() -> Worker {
        Worker {
            program: "/nonexistent".into(),
            args: Vec::new(),
            limits: Limits::DEFAULT,
        }
    }

    fn facts() -> Facts {
        Facts {
            max_stack: 0,
            longest_run: 2,
            helper_calls: 0,
            map_updates: 0,
            unwound: None,
            loops: vec![],
            bounds: Bounds {
                max_loop_count: 0,
                exit_low: 0,
                exit_high: 2,
                highest_output: None,
            },
            claims: vec![],
        }
    }

    fn verdict<T>(result: Result<T, Stop>) -> Verdict {
        match result {
            Err(Stop::Verdict(verdict)) => *verdict,
            Err(Stop::Error(error)) => panic!("{error}"),
            Ok(_) => panic!("nothing stops"),
        }
    }

    fn undecided<T>(result: Result<T, Stop>) -> Undecided {
        match verdict(result) {
            Verdict::Undecided(undecided) => undecided,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn answers_must_be_about_the_same_images() {
        let worker = worker();
        let case = case(&worker);
        let [one, two] = [0, 1].map(|i| {
            let image = &case.programs[i].image;
            (image.digest(), examine(image, Rung::Quick))
        });
        let right = encode(&vec![one.clone(), two.clone()]);
        assert_eq!(
            about_these(&case.programs, &right),
            Some(vec![one.1.clone(), two.1.clone()])
        );
        for wrong in [
            vec![],
            vec![one.clone()],
            vec![two.clone(), one.clone()],
            vec![one.clone(), one.clone()],
            vec![one.clone(), two.clone(), two.clone()],
        ] {
            assert_eq!(about_these::<Answer>(&case.programs, &encode(&wrong)), None);
        }
        for length in 0..right.len() {
            assert_eq!(
                about_these::<Answer>(&case.programs, &right[..length]),
                None
            );
        }
        assert_eq!(
            about_these::<Answer>(&case.programs, &[right.as_slice(), &[0]].concat()),
            None
        );
        // An answer to the other question.
        assert_eq!(about_these::<Ending>(&case.programs, &right), None);
    }

    fn gap(code: platform_click::Code) -> Outcome {
        let reason = "reason".into();
        Outcome::Undecided(Gap { code, reason })
    }

    fn disagreement() -> Outcome {
        Outcome::Disagreed(Disagreement {
            accepts: "one".into(),
            rejects: "another".into(),
            reports: vec![Report::new(codes::LOOP, 1, "it does not end")],
        })
    }

    #[test]
    fn the_reasons_of_the_engine_that_refuses_are_kept() {
        let worker = worker();
        let case = case(&worker);
        let found = undecided(case.proved(vec![Outcome::Accepted(facts()), disagreement()]));
        assert_eq!(found.code, codes::DISAGREEMENT);
        assert_eq!(found.program.as_deref(), Some("two"));
        assert_eq!(found.findings.len(), 1);
    }

    #[test]
    fn one_rejected_program_rejects_the_object() {
        let worker = worker();
        let case = case(&worker);
        let rejected = || Outcome::Rejected(vec![Report::new(codes::LOOP, 1, "it does not end")]);
        let unsupported = || gap(codes::UNSUPPORTED);
        for outcomes in [
            vec![Outcome::Accepted(facts()), rejected()],
            vec![unsupported(), rejected()],
        ] {
            match verdict(case.proved(outcomes)) {
                Verdict::Rejected(findings) => {
                    assert_eq!(findings.len(), 1);
                    assert_eq!((findings[0].code, findings[0].slot), (codes::LOOP, 1));
                    assert_eq!(findings[0].program, "two");
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(
            case.proved(vec![Outcome::Accepted(facts()), Outcome::Accepted(facts())])
                .is_ok()
        );
    }

    #[test]
    fn whatever_is_not_acceptance_or_findings_is_undecided() {
        let worker = worker();
        let case = case(&worker);
        for (outcome, code) in [
            (Outcome::Rejected(vec![]), codes::ANSWER),
            (gap(codes::UNSUPPORTED), codes::UNSUPPORTED),
            (gap(codes::CONTRADICTED), codes::CONTRADICTED),
            (disagreement(), codes::DISAGREEMENT),
        ] {
            let found = undecided(case.proved(vec![outcome, Outcome::Accepted(facts())]));
            assert_eq!((found.code, found.program.as_deref()), (code, Some("one")));
        }
    }

    #[test]
    fn bounds_that_cannot_be_are_no_acceptance() {
        let worker = worker();
        let case = case(&worker);
        let with = |bounds| Facts { bounds, ..facts() };
        let with_loops = |loops| Facts { loops, ..facts() };
        let bounds = facts().bounds;
        for other in [
            with(Bounds {
                exit_high: 3,
                ..bounds
            }),
            with(Bounds {
                exit_low: 2,
                exit_high: 1,
                ..bounds
            }),
            with(Bounds {
                exit_high: u64::MAX,
                ..bounds
            }),
            Facts {
                max_stack: 4097,
                ..facts()
            },
            with_loops(vec![(0, 1), (0, 1)]),
            with_loops(vec![(1, 1), (0, 1)]),
            with_loops(vec![(2, 1)]),
            with_loops(vec![(0, 0)]),
        ] {
            assert_eq!(
                undecided(case.accepted(&[facts(), other])).code,
                codes::ANSWER
            );
        }
        let programs = case.accepted(&[facts(), facts()]).unwrap_or_default();
        assert_eq!(programs.len(), 2);
        assert_eq!(programs[0].maps[0].kind, MapKind::Array);
        assert_eq!(
            (programs[1].name.as_str(), programs[1].instructions),
            ("two", 2)
        );
    }

    #[test]
    fn trials_add_up_or_contradict() {
        let worker = worker();
        let case = case(&worker);
        let summary = Summary {
            runs: 10,
            instructions: 20,
            cut: 1,
            taken: 1,
            directions: 2,
        };
        let passed = || Ending::Passed(summary);
        let before = Trial {
            seed: 5,
            max_runs: 6,
            ..Trial::default()
        };
        match case.tried(before, vec![passed(), passed()]) {
            Ok(trial) => {
                assert_eq!((trial.seed, trial.runs, trial.cut), (5, 20, 2));
                assert_eq!(trial.max_runs, 6);
                assert_eq!(trial.coverage_percent(), 50);
            }
            Err(_) => panic!("contradicted"),
        }
        assert_eq!(Trial::default().coverage_percent(), 100);
        let scenario = Scenario {
            steps: vec![Step {
                packet: vec![1, 2],
                ..Step::default()
            }],
        };
        let contradiction = Contradiction {
            wrong: Wrong {
                reason: "it faulted".into(),
                slot: Some(1),
            },
            run: 3,
            scenario: scenario.clone(),
        };
        let found =
            undecided(case.tried(before, vec![passed(), Ending::Contradicted(contradiction)]));
        assert_eq!(
            (found.code, found.program.as_deref()),
            (codes::CONTRADICTED, Some("two"))
        );
        let example = found.counterexample.unwrap();
        assert_eq!((example.seed, example.run, example.slot), (5, 3, Some(1)));
        assert_eq!(example.scenario, scenario);
        let impossible = Ending::Impossible("no memory".into());
        assert_eq!(
            undecided(case.tried(before, vec![impossible])).code,
            codes::UNSUPPORTED
        );
    }
}
