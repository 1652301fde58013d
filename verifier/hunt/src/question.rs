//! Questions about programs, and the child processes that answer them.

use core::time::Duration;
use std::path::PathBuf;

use bpf_object::{Image, Insn};
use bpf_verifier::{Limits, Worker};
use serde::{Deserialize, Serialize};

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Engine {
    /// The own checks before the engines.
    OwnChecks,
    /// PREVAIL, alone.
    Prevail,
    /// The independent checker, alone.
    Checker,
}

impl Engine {
    /// Everyone.
    pub const ALL: [Self; 3] = [Self::OwnChecks, Self::Prevail, Self::Checker];

    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OwnChecks => "own checks",
            Self::Prevail => "prevail",
            Self::Checker => "checker",
        }
    }
}

impl Engine {
    /// The name in what a trial says about claims.
    pub(crate) const fn in_claims(self) -> &'static str {
        match self {
            Self::OwnChecks => "own checks proved",
            Self::Prevail => "prevail proved",
            Self::Checker => "bpf-checker proved",
        }
    }
}

/// A program, and the seed of the inputs on which it is run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Case {
    /// The program as `bpf_programs` writes it.
    pub text: String,
    /// The seed.
    pub seed: u64,
}

impl Case {
    /// A program that is to be run on the inputs of this seed.
    #[must_use]
    pub fn new(image: &Image, seed: u64) -> Self {
        Self {
            text: bpf_programs::write(image),
            seed,
        }
    }
}

/// What a child is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// Whom to ask.
    pub engines: Vec<Engine>,
    /// Whether to ask for the verdict that follows from all of them.
    pub verdict: bool,
    /// Runs of each program that one of them accepts.
    pub runs: u64,
    /// About what.
    pub cases: Vec<Case>,
}

/// What an engine says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Saying {
    /// It was not asked.
    Nothing,
    /// The program is safe.
    Accepts,
    /// It is not, or not shown to be: slot and cause.
    Refuses(u32, String),
    /// No answer, for this reason.
    Undecided(String),
    /// The engine panicked.
    Panics(String),
    /// It did not end within the limits of time and memory.
    Hangs(String),
}

impl Saying {
    /// In a word, and what a panic says.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Panics(panic) => format!("panics: {panic}"),
            _ => self.word().to_owned(),
        }
    }

    /// In a word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Nothing => "-",
            Self::Accepts => "accepts",
            Self::Refuses(..) => "refuses",
            Self::Undecided(_) => "undecided",
            Self::Panics(_) => "panics",
            Self::Hangs(_) => "hangs",
        }
    }
}

/// How the runs of a program ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ran {
    /// Nobody accepted it, so it was not run.
    No,
    /// Without a fault, and as claimed.
    Well,
    /// With a fault.
    Fault {
        /// The run.
        run: u64,
        /// Identifier of the diagnostic.
        code: String,
        /// What happened.
        text: String,
    },
    /// With something that contradicts the checker's facts.
    Contradiction {
        /// The run.
        run: u64,
        /// What.
        text: String,
    },
    /// It cannot be run.
    Impossible(String),
}

/// What is said about a program, and what happens when it runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// By engine, in the order of [`Engine::ALL`].
    pub sayings: [Saying; 3],
    /// The verdict before the trial, where it was asked for.
    pub verdict: Saying,
    /// What in the trial contradicts a proof, of a program that everyone accepts.
    pub trial: Option<String>,
    /// How it ran.
    pub ran: Ran,
}

impl Answer {
    /// Nobody was asked.
    pub(crate) const NOTHING: Self = Self {
        sayings: [const { Saying::Nothing }; 3],
        verdict: Saying::Nothing,
        trial: None,
        ran: Ran::No,
    };

    /// What an engine says.
    #[must_use]
    pub const fn of(&self, engine: Engine) -> &Saying {
        let [own_checks, prevail, checker] = &self.sayings;
        match engine {
            Engine::OwnChecks => own_checks,
            Engine::Prevail => prevail,
            Engine::Checker => checker,
        }
    }

    pub(crate) const fn of_mut(&mut self, engine: Engine) -> &mut Saying {
        let [own_checks, prevail, checker] = &mut self.sayings;
        match engine {
            Engine::OwnChecks => own_checks,
            Engine::Prevail => prevail,
            Engine::Checker => checker,
        }
    }
}

/// Asks confined child processes.
#[derive(Clone, Debug)]
pub struct Asker {
    worker: Worker,
    runs: u64,
}

impl Asker {
    /// Processor time for one child. Analysis of one generated program takes a hundredth of a second.
    const CPU: Duration = Duration::from_secs(10);

    /// Time for one child on a machine that has other things to do.
    const WALL: Duration = Duration::from_secs(60);

    /// Runs `program` with `argument` as the child, which must lead to [`crate::serve`].
    #[must_use]
    pub fn new(program: PathBuf, argument: &str, runs: u64) -> Self {
        Self {
            worker: Worker {
                program,
                args: vec![argument.into()],
                limits: Limits {
                    cpu: Self::CPU,
                    wall: Self::WALL,
                    ..Limits::DEFAULT
                },
            },
            runs,
        }
    }

    /// Asks these engines about all programs. A child that fails is started again with half of its
    /// programs, until it is clear which one is the cause.
    #[must_use]
    pub fn ask(&self, engines: &[Engine], cases: &[Case]) -> Vec<Answer> {
        let request = Request {
            engines: engines.to_vec(),
            verdict: false,
            runs: self.runs,
            cases: cases.to_vec(),
        };
        match self.call(&request) {
            Ok(answers) => answers,
            Err(reason) => match cases {
                [] => vec![],
                [_] => vec![self.ask_one_by_one(&request, &reason)],
                cases => {
                    let (first, second) = cases.split_at(cases.len() / 2);
                    [self.ask(engines, first), self.ask(engines, second)].concat()
                }
            },
        }
    }

    /// Asks everyone about one program, and for the verdict.
    #[must_use]
    pub fn about(&self, case: &Case) -> Answer {
        let request = Request {
            engines: Engine::ALL.to_vec(),
            verdict: true,
            runs: self.runs,
            cases: vec![case.clone()],
        };
        match self.call(&request).map(|mut answers| answers.pop()) {
            Ok(answer) => answer.unwrap_or(Answer::NOTHING),
            Err(reason) => Answer {
                verdict: Saying::Hangs(reason.clone()),
                ..self.ask_one_by_one(&request, &reason)
            },
        }
    }

    /// Which engine is it that a child does not survive?
    fn ask_one_by_one(&self, request: &Request, reason: &str) -> Answer {
        let mut all = Answer::NOTHING;
        for engine in &request.engines {
            let asked = match request.engines[..] {
                [_] if !request.verdict => Err(reason.to_owned()),
                _ => self.call(&Request {
                    engines: vec![*engine],
                    verdict: false,
                    ..request.clone()
                }),
            };
            match asked.map(|mut answers| answers.pop()) {
                Ok(Some(answer)) => {
                    *all.of_mut(*engine) = answer.of(*engine).clone();
                    if all.ran == Ran::No {
                        all.ran = answer.ran;
                    }
                }
                Ok(None) => {}
                Err(reason) => *all.of_mut(*engine) = Saying::Hangs(reason),
            }
        }
        all
    }

    fn call(&self, request: &Request) -> Result<Vec<Answer>, String> {
        let bytes = serde_json::to_vec(request).map_err(|error| error.to_string())?;
        let reply = self
            .worker
            .call(&bytes)
            .map_err(|error| error.to_string())?;
        let answers: Vec<Answer> =
            serde_json::from_slice(&reply.payload).map_err(|error| error.to_string())?;
        let (asked, answered) = (request.cases.len(), answers.len());
        match answered == asked {
            true => Ok(answers),
            false => Err(format!("{answered} answers to {asked} questions")),
        }
    }
}

/// Whether a jump leads back. Known to be what PREVAIL often finds no end of.
pub(crate) fn has_loop(image: &Image) -> bool {
    (0_u32..)
        .zip(image.code())
        .any(|(slot, insn)| insn.jump_target().is_some_and(|target| target <= slot))
        || image
            .code()
            .iter()
            .any(|insn| matches!(insn, Insn::CallLocal { target: 0 }))
}
