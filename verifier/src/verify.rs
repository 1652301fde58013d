//! The caller's side: an object is linked here, examined by a worker, and the answer checked.

use bpf_object::{Image, Object, ParseOptions};
use platform_click::limits::{MAX_CALL_FRAMES, STACK_FRAME_SIZE};
use platform_click::{HelperId, ProgramKind};

use crate::answer::{Answer, Facts, Outcome, Request};
use crate::codes;
use crate::prevail;
use crate::verdict::{AcceptedProgram, ObjectFacts, Undecided, Verdict, VerifyError};
use crate::wire::{Bytes, decode, encode};
use crate::worker::{Worker, WorkerError};

/// Bytes of stack of all frames.
const MAX_STACK: usize = STACK_FRAME_SIZE.saturating_mul(MAX_CALL_FRAMES);

/// What the object itself does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyOptions {
    /// The kind of programs in a section of the legacy name `bpffilter`.
    pub bpffilter: ProgramKind,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self {
            bpffilter: ParseOptions::default().bpffilter,
        }
    }
}

/// Verifies every program of an object.
///
/// The object is linked here, and digests and everything that follows from the image alone are
/// taken from here. The engine runs in a child process of its own; a child that crashes, hangs or
/// talks nonsense leaves the verdict undecided.
///
/// # Errors
/// The bytes are not a valid object, or the child cannot be started.
pub fn verify_object(
    object: &[u8],
    options: &VerifyOptions,
    worker: &Worker,
) -> Result<Verdict, VerifyError> {
    let bpffilter = options.bpffilter;
    let parsed = Object::parse(object, ParseOptions { bpffilter })?;
    let mut images = Vec::new();
    for program in parsed.programs() {
        images.push((program.name(), parsed.link(program)?));
    }
    let request = encode(&Request {
        bpffilter,
        object: Bytes(object.to_vec()),
    });
    let reply = match worker.call(&request) {
        Ok(reply) => reply,
        Err(error @ (WorkerError::Start { .. } | WorkerError::Request(_))) => {
            return Err(VerifyError::Worker(error));
        }
        Err(error) => {
            return Ok(Verdict::Undecided(Undecided::new(
                error.code(),
                None,
                error.to_string(),
            )));
        }
    };
    let Some(answers) = matching_answers(&reply.payload, &images) else {
        return Ok(Verdict::Undecided(Undecided::new(
            codes::ANSWER,
            None,
            "the worker's answer does not belong to this object",
        )));
    };
    Ok(match conclude(&images, answers) {
        Ok(programs) => Verdict::Accepted(ObjectFacts {
            object: parsed.digest(),
            programs,
            engines: vec![prevail::ENGINE],
            sandbox: reply.sandbox,
        }),
        Err(other) => other,
    })
}

/// One answer for each image, each about the image with the same digest.
fn matching_answers(payload: &[u8], images: &[(&str, Image)]) -> Option<Vec<Answer>> {
    let answers: Vec<Answer> = decode(payload).ok()?;
    let same = |(answer, (_, image)): (&Answer, &(&str, Image))| answer.image == image.digest();
    let all = answers.len() == images.len() && answers.iter().zip(images).all(same);
    all.then_some(answers)
}

/// The accepted programs if all are; else every finding, or what is undecided if there is none.
fn conclude(
    images: &[(&str, Image)],
    answers: Vec<Answer>,
) -> Result<Vec<AcceptedProgram>, Verdict> {
    let mut programs = Vec::new();
    let mut findings = Vec::new();
    let mut undecided = None;
    for ((name, image), answer) in images.iter().zip(answers) {
        match answer.outcome {
            Outcome::Accepted(facts) => match accepted(name, image, facts) {
                Some(program) => programs.push(program),
                None => {
                    let reason = "the bounds in the worker's answer are not possible";
                    undecided = Some(Undecided::new(codes::ANSWER, Some(name), reason));
                }
            },
            Outcome::Rejected(reports) if reports.is_empty() => {
                let reason = "the worker rejects the program without a reason";
                undecided = Some(Undecided::new(codes::ANSWER, Some(name), reason));
            }
            Outcome::Rejected(reports) => {
                findings.extend(reports.into_iter().map(|report| report.locate(name, image)));
            }
            Outcome::Unsupported(reason) => {
                undecided = Some(Undecided::new(codes::UNSUPPORTED, Some(name), reason));
            }
            Outcome::Contradicted(reason) => {
                undecided = Some(Undecided::new(codes::CONTRADICTED, Some(name), reason));
            }
            Outcome::TooComplex(reason) => {
                undecided = Some(Undecided::new(codes::TOO_COMPLEX, Some(name), reason));
            }
        }
    }
    match undecided {
        _ if !findings.is_empty() => Err(Verdict::Rejected(findings)),
        Some(undecided) => Err(Verdict::Undecided(undecided)),
        None => Ok(programs),
    }
}

/// The facts of an accepted program, if the worker's bounds are possible ones. What follows from
/// the image is taken from the image.
fn accepted(name: &str, image: &Image, facts: Facts) -> Option<AcceptedProgram> {
    let Facts { max_stack, bounds } = facts;
    let allowed = image.kind().returns();
    let exit = bounds.exit_low..=bounds.exit_high;
    let possible = !exit.is_empty()
        && allowed.contains(exit.start())
        && allowed.contains(exit.end())
        && usize::try_from(max_stack).is_ok_and(|bytes| bytes <= MAX_STACK);
    let helpers: Option<Vec<HelperId>> = image
        .helper_numbers()
        .into_iter()
        .map(HelperId::from_number)
        .collect();
    possible.then_some(AcceptedProgram {
        name: name.into(),
        kind: image.kind(),
        image: image.digest(),
        instructions: u32::try_from(image.code().len()).ok()?,
        max_stack,
        max_loop_count: bounds.max_loop_count,
        exit,
        highest_output: bounds.highest_output,
        helpers: helpers?,
        maps: image.maps().to_vec(),
    })
}
