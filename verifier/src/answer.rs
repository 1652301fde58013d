//! The worker's side: from the bytes of an object to an answer about each of its programs.

use bpf_object::{Image, Object, ParseOptions};
use platform_click::{Digest, ProgramKind};

use crate::checks::{self, Failure};
use crate::finding::Report;
use crate::prevail::{self, Bounds, Proof};
use crate::wire::{Bytes, Input, Malformed, Wire, decode, encode, wire_enum, wire_struct};

/// What a worker is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// The kind of programs in a section of the legacy name `bpffilter`.
    pub(crate) bpffilter: ProgramKind,
    /// The object file.
    pub(crate) object: Bytes,
}

/// What a worker says about one program. The images are made from the same bytes on both sides;
/// the digest shows that they are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) image: Digest,
    pub(crate) outcome: Outcome,
}

/// An answer about one program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Accepted(Facts),
    Rejected(Vec<Report>),
    Unsupported(String),
    TooComplex(String),
    Contradicted(String),
}

/// What is proved of an accepted program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) max_stack: u32,
    pub(crate) bounds: Bounds,
}

wire_struct!(Request { bpffilter, object });
wire_struct!(Answer { image, outcome });
wire_struct!(Bounds {
    max_loop_count,
    exit_low,
    exit_high,
    highest_output
});
wire_struct!(Facts { max_stack, bounds });
wire_struct!(Report {
    code,
    slot,
    cause,
    engine,
    related
});
wire_enum!(Outcome {
    0 => Accepted,
    1 => Rejected,
    2 => Unsupported,
    3 => TooComplex,
    4 => Contradicted,
});

impl Wire for ProgramKind {
    fn put(&self, out: &mut Vec<u8>) {
        self.number().put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Malformed> {
        Self::from_number(u8::get(input)?).ok_or(Malformed)
    }
}

/// Serves a request. Nothing is answered to one that cannot be read, or about an object that cannot
/// be linked: the parent has linked it before it asked, so it takes silence for the failure it is.
pub(crate) fn answer(request: &[u8]) -> Vec<u8> {
    let Ok(request) = decode::<Request>(request) else {
        return Vec::new();
    };
    let options = ParseOptions {
        bpffilter: request.bpffilter,
    };
    let Ok(object) = Object::parse(&request.object.0, options) else {
        return Vec::new();
    };
    let mut answers = Vec::new();
    for program in object.programs() {
        let Ok(image) = object.link(program) else {
            return Vec::new();
        };
        answers.push(Answer {
            image: image.digest(),
            outcome: examine(&image),
        });
    }
    encode(&answers)
}

/// Everything that is done with one image: own checks, then the engine.
pub(crate) fn examine(image: &Image) -> Outcome {
    let checked = match checks::check(image) {
        Ok(checked) => checked,
        Err(Failure::Rejected(reports)) => return Outcome::Rejected(reports),
        Err(Failure::TooComplex) => {
            return Outcome::TooComplex("the checks before the engine were given up".into());
        }
    };
    match prevail::prove(image, &checked) {
        Proof::Accepted(bounds) => Outcome::Accepted(Facts {
            max_stack: checked.max_stack,
            bounds,
        }),
        Proof::Rejected(reports) => Outcome::Rejected(reports),
        Proof::Contradicted(reason) => Outcome::Contradicted(reason),
        Proof::Unsupported(reason) => Outcome::Unsupported(reason),
    }
}
