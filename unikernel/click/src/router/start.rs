//! From a configuration to a router that can run.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;

use bpf_loader::Admission;

use super::{Control, Plan, Router};
use crate::context::{Elements, Traffic};
use crate::element::Element;
use crate::error::{ConfigError, Problem};
use crate::graph::{Direction, Graph};
use crate::host::Host;
use crate::language::{Arguments, Config, Span};
use crate::names::{Names, Scope};
use crate::program::{Prepared, ProgramRequest, ProgramSource, warnings};

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
        for (index, admission) in router.admit(programs)? {
            if let Some(runner) = router.element(index).and_then(Element::runner) {
                for line in warnings(&admission, runner.request()) {
                    host.message(&line);
                }
            }
        }
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
            if let Some(prepared) = self.prepare(index, admission, host, programs)? {
                ready.push((index, prepared));
            }
        }
        for (index, prepared) in ready {
            let installed = prepared.commit(programs);
            let installed = installed.map_err(|error| self.blame(index, error.into()))?;
            if let Some(runner) = self.runner_mut(index) {
                runner.install(installed);
            }
        }
        Ok(())
    }

    /// Makes the program of an element ready to run.
    fn prepare(
        &self,
        index: usize,
        admission: Admission,
        host: &mut dyn Host,
        programs: &mut dyn ProgramSource,
    ) -> Result<Option<Prepared>, ConfigError> {
        let Some(runner) = self.element(index).and_then(Element::runner) else {
            return Ok(None);
        };
        let request = runner.request();
        let prepared = Prepared::new(request, admission, programs);
        let prepared = prepared.map_err(|error| self.blame(index, error.into()))?;
        for note in prepared.notes(request) {
            host.message(&note);
        }
        if let Some((name, image, code)) = prepared.dump(request) {
            host.write_code(name, image, code)
                .map_err(|error| self.blame(index, error.into()))?;
        }
        Ok(Some(prepared))
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

    /// What the elements of the configuration ask a [`ProgramSource`] for.
    pub fn programs_wanted(&self) -> impl Iterator<Item = &ProgramRequest> {
        self.program_requests().map(|(_, request)| request)
    }

    /// What elements ask for, with their indices.
    pub(crate) fn program_requests(&self) -> impl Iterator<Item = (usize, &ProgramRequest)> {
        let elements = self.elements.iter().enumerate();
        elements.filter_map(|(index, element)| Some((index, element.as_ref()?.runner()?.request())))
    }

    /// Checks a configuration as far as that goes without files and programs. The router that this
    /// gives has the handlers of a new one and runs nothing.
    ///
    /// # Errors
    /// What is wrong, and the place in the configuration that is to blame.
    pub fn check(config: Config) -> Result<Self, ConfigError> {
        let graph = Graph::new(&config)?;
        let names = Names::of(&config);
        let mut elements: Elements = Vec::with_capacity(config.elements().len());
        let mut manager = None;
        for index in 0..config.elements().len() {
            let inputs = graph.side(index, Direction::Input);
            let outputs = graph.side(index, Direction::Output);
            let mut element = configure(&config, index, &names, inputs.len(), outputs.len())?;
            element.connect(&inputs, &outputs);
            if element.manages_stops() && manager.replace(index).is_some() {
                return Err(Problem::TwoManagers.at(span(&config, index)));
            }
            elements.push(Some(element));
        }
        Ok(Self {
            plan: Plan::new(config, graph, &elements),
            control: Control {
                run_count: 1,
                woken: false,
                wake_ns: None,
                manager,
            },
            elements,
            traffic: Traffic::default(),
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
    names: &Rc<Names>,
    inputs: usize,
    outputs: usize,
) -> Result<Box<dyn Element>, ConfigError> {
    let known = Scope::new(config, index, names);
    let arguments = Arguments::new(config, index, inputs);
    let Some(mut arguments) = arguments.map(|new| new.with_names(known)) else {
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
