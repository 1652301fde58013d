//! What runs the program of an element: machine code, or the interpreter.

use alloc::boxed::Box;

use bpf_jit::{JitError, MachineCode, MachineMemory, Options, Program};
use bpf_loader::AdmittedProgram;
use bpf_object::Image;
use bpf_runtime::{Environment, Fault, Instance, Maps, MapsError, Packet};
use bpf_statement::Symbol;

use crate::program::ProgramError;

/// Whether a program is to become machine code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jit {
    /// It is interpreted.
    Never,
    /// It is machine code where that is possible, and interpreted elsewhere.
    Preferred,
    /// It is machine code wherever there is a compiler: what it does not compile is refused.
    Required,
}

/// A program that is ready to run.
#[derive(Debug)]
pub(crate) enum Executor {
    Interpreted(Box<Instance>),
    Compiled(Box<Program>),
}

/// What is left of a program: memory to be given back.
#[derive(Debug, Default)]
pub(crate) struct Spent(
    #[expect(dead_code, reason = "it is there to be dropped")] Option<bpf_jit::Spent>,
);

impl Executor {
    /// Makes a program ready to run. The error beside it is why it did not become machine code
    /// although that was preferred.
    ///
    /// # Errors
    /// Its maps do not fit into memory, the runtime does not take it, or it cannot be compiled and
    /// has to be.
    pub(crate) fn new(
        program: &AdmittedProgram,
        jit: Jit,
        secret: [u64; 2],
        memory: Option<&mut dyn MachineMemory>,
    ) -> Result<(Self, Option<JitError>), ProgramError> {
        let image = program.image();
        let name = &program.claims().name;
        let interpret = || Self::interpret(image, name, secret);
        let memory = match (jit, memory) {
            (Jit::Never, _) => return Ok((interpret()?, None)),
            (_, None) => return Ok((interpret()?, Some(JitError::Machine))),
            (_, Some(memory)) => memory,
        };
        let maps =
            Maps::new_in(image.maps(), secret, memory).map_err(|error| ProgramError::Maps {
                program: name.clone(),
                error,
            })?;
        match Program::admitted(program, &Options::default(), maps, memory) {
            Ok(program) => Ok((Self::Compiled(Box::new(program)), None)),
            // The runtime would take it no more than the compiler.
            Err(JitError::Load(error)) => Err(ProgramError::Load {
                program: name.clone(),
                error,
            }),
            Err(error) if jit == Jit::Required && error != JitError::Machine => {
                Err(ProgramError::Compile {
                    program: name.clone(),
                    error,
                })
            }
            Err(error) => Ok((interpret()?, Some(error))),
        }
    }

    /// A program that is interpreted.
    pub(crate) fn interpret(
        image: &Image,
        name: &Symbol,
        secret: [u64; 2],
    ) -> Result<Self, ProgramError> {
        let maps = make_maps(image, name, secret)?;
        let instance = Instance::new(image, maps).map_err(|error| ProgramError::Load {
            program: name.clone(),
            error,
        });
        let mut instance = instance?;
        instance.set_address_seed(secret[0] ^ secret[1]);
        Ok(Self::Interpreted(Box::new(instance)))
    }

    /// Runs it, and gives the value that it returns.
    ///
    /// # Errors
    /// As [`Instance::run`] and [`Program::run`].
    pub(crate) fn run(
        &mut self,
        packet: &mut Packet,
        environment: &mut dyn Environment,
        fuel: u64,
    ) -> Result<u64, Fault> {
        match self {
            Self::Interpreted(instance) => {
                let outcome = instance.run(packet, environment, fuel)?;
                Ok(outcome.value)
            }
            Self::Compiled(program) => Ok(program.run(packet, environment, fuel)?.value),
        }
    }

    /// Its maps.
    pub(crate) fn maps(&self) -> &Maps {
        match self {
            Self::Interpreted(instance) => instance.maps(),
            Self::Compiled(program) => program.maps(),
        }
    }

    /// Takes over maps, as [`Maps::adopt`] does.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn adopt(&mut self, maps: &mut Maps) -> Result<(), MapsError> {
        match self {
            Self::Interpreted(instance) => instance.maps_mut().adopt(maps),
            Self::Compiled(program) => program.adopt_maps_from(maps),
        }
    }

    /// Ends the program: gives its maps, and what is left of it.
    pub(crate) fn into_maps(self) -> (Maps, Spent) {
        match self {
            Self::Interpreted(instance) => (instance.into_maps(), Spent(None)),
            Self::Compiled(program) => {
                let (maps, spent) = program.into_maps();
                (maps, Spent(Some(spent)))
            }
        }
    }

    /// Its machine code, if it is any.
    pub(crate) const fn code(&self) -> Option<&MachineCode> {
        match self {
            Self::Interpreted(_) => None,
            Self::Compiled(program) => Some(program.code()),
        }
    }
}

fn make_maps(image: &Image, name: &Symbol, secret: [u64; 2]) -> Result<Maps, ProgramError> {
    Maps::new(image.maps(), secret).map_err(|error| ProgramError::Maps {
        program: name.clone(),
        error,
    })
}
