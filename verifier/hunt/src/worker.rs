//! The child's side: asks engines and runs programs. A panic is an answer, too.

use core::any::Any;
use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::process::ExitCode;

use bpf_checker::{Facts, Options, Step, Verdict, Watch};
use bpf_object::{Image, Reg};
use bpf_programs::{Bench, Steps};
use bpf_runtime::Outcome;
use bpf_verifier::engines::{self, Opinion};

use crate::question::{Answer, Case, Engine, Ran, Request, Saying};

/// Runs of the trial, which looks at what the engines claim of every instruction.
const TRIAL_RUNS: u32 = 50;

/// Serves one request; to be called first thing in `main` of a child.
#[must_use]
pub fn serve() -> ExitCode {
    // Panics are answers; nobody reads what they print.
    std::panic::set_hook(Box::new(|_| {}));
    bpf_verifier::worker::serve(answer)
}

fn answer(request: &[u8]) -> Vec<u8> {
    let Ok(request) = serde_json::from_slice::<Request>(request) else {
        return Vec::new();
    };
    let answers: Vec<Answer> = request
        .cases
        .iter()
        .map(|case| answer_one(&request, case))
        .collect();
    serde_json::to_vec(&answers).unwrap_or_default()
}

fn answer_one(request: &Request, case: &Case) -> Answer {
    let mut answer = Answer::NOTHING;
    let image = match Image::new(bpf_programs::read(&case.text)) {
        Ok(image) => image,
        Err(error) => {
            for engine in &request.engines {
                *answer.of_mut(*engine) = Saying::Refuses(0, error.to_string());
            }
            answer.verdict = Saying::Refuses(0, error.to_string());
            return answer;
        }
    };
    let mut facts = None;
    for engine in &request.engines {
        let said = caught(|| match engine {
            Engine::OwnChecks => saying(engines::own_checks(&image)),
            Engine::Prevail => saying(engines::prevail(&image)),
            Engine::Checker => checker(&image, &mut facts),
        });
        *answer.of_mut(*engine) = said.unwrap_or_else(Saying::Panics);
    }
    if request.verdict {
        let said = caught(|| saying(engines::together(&image)));
        answer.verdict = said.unwrap_or_else(Saying::Panics);
    }
    if answer.sayings.iter().all(|said| *said == Saying::Accepts) {
        answer.trial =
            caught(|| engines::tried(&image, case.seed, TRIAL_RUNS)).unwrap_or_else(Some);
    }
    // Nobody has to run what only the own checks let pass.
    let accepted = [Engine::Prevail, Engine::Checker]
        .into_iter()
        .any(|engine| *answer.of(engine) == Saying::Accepts);
    if accepted {
        let run = || run(&image, facts.as_ref(), case.seed, request.runs);
        answer.ran = caught(run).unwrap_or_else(Ran::Impossible);
    }
    answer
}

fn saying(opinion: Opinion) -> Saying {
    match opinion {
        Opinion::Accepts => Saying::Accepts,
        Opinion::Refuses { slot, cause } => Saying::Refuses(slot, cause),
        Opinion::Undecided(reason) => Saying::Undecided(reason),
    }
}

/// The checker's opinion, with every fact that it claims.
fn checker(image: &Image, facts: &mut Option<Facts>) -> Saying {
    let mut options = Options::default();
    options.watch = Watch::Everything;
    match bpf_checker::check(image, &options) {
        Verdict::Accepted(claimed) => {
            *facts = Some(claimed);
            Saying::Accepts
        }
        Verdict::Rejected(findings) => findings.first().map_or_else(
            || Saying::Undecided("refused without a finding".into()),
            |finding| Saying::Refuses(finding.slot, finding.cause.to_string()),
        ),
        Verdict::Undecided(why) => Saying::Undecided(why.to_string()),
    }
}

fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| text(panic.as_ref()))
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").into()
}

/// Runs the program on inputs of the seed, until one shows something.
fn run(image: &Image, facts: Option<&Facts>, seed: u64, runs: u64) -> Ran {
    let mut bench = match Bench::new(image, seed) {
        Ok(bench) => bench,
        Err(error) => return Ran::Impossible(error.to_string()),
    };
    for run in 0..runs {
        let mut steps = Steps::new(|step| {
            let facts = facts?;
            let step = Step {
                from: step.from,
                slot: step.slot,
                registers: registers(step.registers),
                context: step.context,
                stack: step.stack,
            };
            facts.confirm(image, &step).err()
        });
        let result = bench.run(&mut steps);
        let contradiction = steps.found.map(|found| found.to_string());
        match result {
            Err(fault) => {
                return Ran::Fault {
                    run,
                    code: fault.code().id.into(),
                    text: fault.to_string(),
                };
            }
            Ok(outcome) => {
                let claimed = facts.and_then(|facts| outside(facts, outcome));
                if let Some(text) = contradiction.or(claimed) {
                    return Ran::Contradiction { run, text };
                }
            }
        }
    }
    Ran::Well
}

fn registers(registers: &bpf_runtime::Registers) -> [Option<u64>; 11] {
    let mut held = [None; 11];
    for (value, reg) in held.iter_mut().zip((0..).filter_map(Reg::new)) {
        *value = registers.get(reg);
    }
    held
}

/// What of an outcome is outside of what the facts allow.
fn outside(facts: &Facts, outcome: Outcome) -> Option<String> {
    let within = facts.returns.contains(&outcome.value)
        && outcome.instructions <= facts.longest_run
        && outcome.call_depth <= facts.frames
        && outcome.stack_bytes <= facts.stack_bytes;
    (!within).then(|| format!("{outcome:?} is outside of what is claimed"))
}
