//! From a configuration to a router that can run.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use bpf_loader::Admission;

use super::{Control, Plan, Router};
use crate::element::{Element, Elements};
use crate::error::{ConfigError, Problem};
use crate::executor::{Executor, Jit};
use crate::graph::{Direction, Graph};
use crate::host::Host;
use crate::language::{Arguments, Config, Span};
use crate::program::{Installed, ProgramRequest, ProgramSource};

impl Router {
    /// Checks a configuration and gives its elements what they need, in an order in which nothing
    /// outside changes until everything that can be checked has been: arguments and ports; files
    /// that are read; programs, all admitted before the first is committed; files that are written.
    ///
    /// # Errors
    /// What is wrong, and the place in the configuration that is to blame.
    pub fn new(
        config: Config,
        host: &mut dyn Host,
        programs: &mut dyn ProgramSource,
    ) -> Result<Self, ConfigError> {
        Self::start(config, host, |router, host| router.install(host, programs))
    }

    /// Checks a configuration as far as that goes without changing anything outside: what
    /// [`Self::new`] does, except that programs are not committed and nothing is written.
    ///
    /// # Errors
    /// What is wrong, and the place in the configuration that is to blame.
    pub fn rehearse(
        config: Config,
        host: &mut dyn Host,
        programs: &mut dyn ProgramSource,
    ) -> Result<Self, ConfigError> {
        let mut router = Self::check(config)?;
        router.each(|element| element.open_inputs(host).map_err(Problem::from))?;
        router.admit(programs)?;
        Ok(router)
    }

    /// [`Self::new`], with another way to install programs.
    pub(crate) fn start(
        config: Config,
        host: &mut dyn Host,
        install: impl FnOnce(&mut Self, &mut dyn Host) -> Result<(), ConfigError>,
    ) -> Result<Self, ConfigError> {
        let mut router = Self::check(config)?;
        router.each(|element| element.open_inputs(host).map_err(Problem::from))?;
        install(&mut router, host)?;
        router.each(|element| element.open_outputs(host).map_err(Problem::from))?;
        router.begin(host)?;
        Ok(router)
    }

    /// Lets every element begin its work.
    fn begin(&mut self, host: &mut dyn Host) -> Result<(), ConfigError> {
        for index in 0..self.elements.len() {
            let begun = self.outside(host, |context| {
                context.call(index, |element, context| element.start(context))
            });
            if let Some(Err(reason)) = begun {
                return Err(self.blame(index, Problem::Start(reason)));
            }
        }
        Ok(())
    }

    /// Admits all programs and makes them ready to run before it commits the first.
    fn install(
        &mut self,
        host: &mut dyn Host,
        programs: &mut dyn ProgramSource,
    ) -> Result<(), ConfigError> {
        let admitted = self.admit(programs)?;
        let mut ready = Vec::with_capacity(admitted.len());
        for (index, admission) in admitted {
            let executor = self.make_ready(index, &admission, host, programs)?;
            ready.push((index, admission, executor));
        }
        for (index, admission, executor) in ready {
            let object = programs.commit(admission);
            let object = object.map_err(|error| self.blame(index, error.into()))?;
            if let Some(element) = self.element_mut(index) {
                element.install(Installed::new(&object, executor));
            }
        }
        Ok(())
    }

    /// Compiles the program of an element, or prepares it for the interpreter.
    fn make_ready(
        &self,
        index: usize,
        admission: &Admission,
        host: &mut dyn Host,
        programs: &mut dyn ProgramSource,
    ) -> Result<Executor, ConfigError> {
        let request = self.element(index).and_then(Element::program_request);
        let (jit, dump) = request.map_or((Jit::Never, None), |request| {
            (request.jit, request.dump.as_deref())
        });
        let secret = programs.secret();
        let program = admission.program();
        let made = Executor::new(program, jit, secret, programs.machine_memory());
        let (executor, interpreted) = made.map_err(|error| self.blame(index, error.into()))?;
        if let (Some(why), Some(request)) = (interpreted, request) {
            host.message(&format!("note: `{}` is interpreted: {why}", request.file));
        }
        if let (Some(name), Some(code)) = (dump, executor.code()) {
            host.write_code(name, program.image(), code)
                .map_err(|error| self.blame(index, error.into()))?;
        }
        Ok(executor)
    }

    /// Asks for every program, and changes nothing.
    fn admit(
        &self,
        programs: &mut dyn ProgramSource,
    ) -> Result<Vec<(usize, Admission)>, ConfigError> {
        self.program_requests()
            .map(|(index, request)| match programs.admit(request) {
                Ok(admission) => Ok((index, admission)),
                Err(error) => Err(self.blame(index, error.into())),
            })
            .collect()
    }

    /// What elements ask for, with their indices.
    pub(crate) fn program_requests(&self) -> impl Iterator<Item = (usize, &ProgramRequest)> {
        let elements = self.elements.iter().enumerate();
        elements.filter_map(|(index, element)| Some((index, element.as_ref()?.program_request()?)))
    }

    /// Checks a configuration as far as that goes without files and programs. The router that this
    /// gives has the handlers of a new one and runs nothing.
    ///
    /// # Errors
    /// What is wrong, and the place in the configuration that is to blame.
    pub fn check(config: Config) -> Result<Self, ConfigError> {
        let graph = Graph::new(&config)?;
        let mut elements: Elements = Vec::with_capacity(config.elements().len());
        let mut manager = None;
        for index in 0..config.elements().len() {
            let inputs = graph.side(index, Direction::Input);
            let outputs = graph.side(index, Direction::Output);
            let mut element = configure(&config, index, inputs.len(), outputs.len())?;
            element.connect(&inputs, &outputs);
            if element.manages_stops() && manager.replace(index).is_some() {
                return Err(Problem::TwoManagers.at(span(&config, index)));
            }
            elements.push(Some(element));
        }
        Ok(Self {
            plan: Plan { config, graph },
            control: Control {
                run_count: 1,
                woken: false,
                manager,
            },
            elements,
            under_way: Vec::new(),
            emitted: Vec::new(),
            looped: 0,
            stopped: false,
        })
    }

    /// Calls something for every element, in the order of the configuration.
    fn each(
        &mut self,
        mut call: impl FnMut(&mut dyn Element) -> Result<(), Problem>,
    ) -> Result<(), ConfigError> {
        for (index, element) in self.elements.iter_mut().enumerate() {
            let Some(element) = element else { continue };
            if let Err(problem) = call(element.as_mut()) {
                return Err(self.blame(index, problem));
            }
        }
        Ok(())
    }

    fn blame(&self, element: usize, problem: Problem) -> ConfigError {
        problem.at(span(&self.plan.config, element))
    }
}

fn span(config: &Config, element: usize) -> Span {
    let declaration = config.elements().get(element);
    declaration.map_or_else(Span::default, |declaration| declaration.span)
}

fn configure(
    config: &Config,
    index: usize,
    inputs: usize,
    outputs: usize,
) -> Result<Box<dyn Element>, ConfigError> {
    let Some(mut arguments) = Arguments::new(config, index, inputs) else {
        // Every index is that of a declaration.
        return Err(Problem::TooManyElements.at(Span::default()));
    };
    let class = arguments.class();
    let element = (class.configure)(&mut arguments, outputs);
    match (element, arguments.finish()) {
        // An argument that nobody knows explains why another one is missing.
        (Err(error), Err(left_over)) if matches!(error.problem, Problem::Missing { .. }) => {
            Err(left_over)
        }
        (element, finished) => element.and_then(|element| finished.map(|()| element)),
    }
}
