//! What the verifier says of an object with one program.

use core::time::Duration;

use bpf_object::{Image, Object, ParseOptions};
use bpf_verifier::{Limits, Verdict, VerifyOptions, Worker, verify_object};

use crate::judge::Bounds;

/// The argument with which this program starts itself.
pub(crate) const WORKER: &str = "__worker";

/// Processor time for one program.
const LIMIT: Duration = Duration::from_secs(3);

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
    let worker = Worker {
        program: std::env::current_exe().unwrap(),
        args: vec![WORKER.into()],
        limits: Limits {
            cpu: LIMIT,
            ..Limits::DEFAULT
        },
    };
    let options = VerifyOptions {
        trial_seed: Some(1),
        ..VerifyOptions::default()
    };
    let verdict = verify_object(object, &options, &worker).unwrap();
    let (opinion, bounds, reason) = match verdict {
        Verdict::Accepted(facts) => {
            let program = &facts.programs[0];
            let bounds = Bounds {
                instructions: program.worst_case_instructions,
                returns: (*program.exit.start(), *program.exit.end()),
                loops: None,
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
    }
}
