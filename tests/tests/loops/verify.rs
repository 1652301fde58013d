//! What the verifier says of an object with one program.

use core::time::Duration;
use std::time::Instant;

use bpf_object::{Image, Object, ParseOptions};
use bpf_verifier::{Limits, LoopMethod, Verdict, VerifyOptions, Worker, codes, verify_object};

use crate::judge::Bounds;

/// The argument with which this program starts itself.
pub(crate) const WORKER: &str = "__worker";

/// Processor time for one program.
const LIMIT: Duration = Duration::from_secs(20);

/// Processor time for PREVAIL alone, which does not end on some of the programs.
const PLAIN_LIMIT: Duration = Duration::from_secs(10);

/// What a verifier says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opinion {
    Accepts,
    Refuses,
    /// It ended at its limits, or its parts contradict each other.
    NoAnswer,
}

/// The verifier's answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) opinion: Opinion,
    /// What was proved.
    pub(crate) bounds: Option<Bounds>,
    /// Diagnostic and first reason, if it does not accept.
    pub(crate) reason: String,
    pub(crate) time: Duration,
}

/// The one program of an object, linked.
pub(crate) fn image(object: &[u8]) -> Image {
    let object = Object::parse(object, ParseOptions::default()).unwrap();
    let [program] = object.programs() else {
        panic!("{} programs", object.programs().len());
    };
    object.link(program).unwrap()
}

/// What `bpfsign verify` says.
pub(crate) fn ours(object: &[u8]) -> Answer {
    let (verdict, time) = ask(object, LIMIT, LoopMethod::Auto);
    let (opinion, bounds, reason) = match verdict {
        Verdict::Accepted(facts) => {
            let program = &facts.programs[0];
            let bounds = Bounds {
                instructions: program.worst_case_instructions,
                returns: (*program.exit.start(), *program.exit.end()),
                loops: Some(
                    program
                        .loops
                        .iter()
                        .map(|fact| (fact.slot, fact.bound))
                        .collect(),
                ),
                stack: None,
            };
            (Opinion::Accepts, Some(bounds), String::new())
        }
        Verdict::Rejected(findings) => {
            let first = &findings[0];
            let reason = format!("{} at slot {}: {}", first.code.id, first.slot, first.cause);
            (Opinion::Refuses, None, reason)
        }
        Verdict::Undecided(undecided) => {
            let reason = format!("{}: {}", undecided.code.id, undecided.reason);
            (Opinion::NoAnswer, None, reason)
        }
        other => panic!("{other:?}"),
    };
    Answer {
        opinion,
        bounds,
        reason,
        time,
    }
}

/// What PREVAIL says alone, on the program as it is. It is never asked alone, so this follows from
/// what it and the checker say together.
pub(crate) fn plain(object: &[u8]) -> (Opinion, Duration) {
    let (verdict, time) = ask(object, PLAIN_LIMIT, LoopMethod::Plain);
    let opinion = match verdict {
        Verdict::Accepted(_) => Opinion::Accepts,
        Verdict::Rejected(_) => Opinion::Refuses,
        Verdict::Undecided(undecided) if undecided.code == codes::DISAGREEMENT => {
            if undecided.reason.starts_with("prevail accepts") {
                Opinion::Accepts
            } else {
                Opinion::Refuses
            }
        }
        Verdict::Undecided(undecided) if undecided.code == codes::UNCONFIRMED => Opinion::Accepts,
        Verdict::Undecided(_) => Opinion::NoAnswer,
        other => panic!("{other:?}"),
    };
    (opinion, time)
}

fn ask(object: &[u8], cpu: Duration, loops: LoopMethod) -> (Verdict, Duration) {
    let worker = Worker {
        program: std::env::current_exe().unwrap(),
        args: vec![WORKER.into()],
        limits: Limits {
            cpu,
            ..Limits::DEFAULT
        },
    };
    let options = VerifyOptions {
        loops,
        trial_seed: Some(1),
        ..VerifyOptions::default()
    };
    let start = Instant::now();
    let verdict = verify_object(object, &options, &worker).unwrap();
    (verdict, start.elapsed())
}
