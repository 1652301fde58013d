//! Replacing the programs of a running router.

use alloc::string::String;

use super::Router;
use crate::element::Element;
use crate::elements::{Ready, ReplaceError, Replaced, Replacement, Runner};
use crate::host::Host;
use crate::language::Declaration;
use crate::program::ProgramSource;

impl Router {
    /// What an element is to run when these arguments are written to it, as its handler `config`
    /// takes them. Changes nothing: [`Replacement::prepare`] comes next, in this thread or in another.
    ///
    /// # Errors
    /// There is no such element, it runs no program, or the arguments are wrong.
    pub fn plan_replacement(
        &self,
        element: &str,
        arguments: &str,
    ) -> Result<Replacement, ReplaceError> {
        let mut elements = self.config().elements().iter();
        let index = elements.position(|declaration| declaration.name == element);
        let runner = index.and_then(|index| Some((index, self.element(index)?.runner()?)));
        let (index, runner) = runner.ok_or_else(|| ReplaceError::NoProgram(element.into()))?;
        runner.plan(self.config(), index, arguments)
    }

    /// Puts a program into its element, between two packets. Whatever is left of the one before is
    /// given back when what this returns is dropped.
    ///
    /// # Errors
    /// Another program has been put there since the replacement was planned. What ran before goes on.
    pub fn swap(&mut self, ready: Ready) -> Result<Replaced, ReplaceError> {
        let runner = self.runner_mut(ready.element());
        let runner = runner.ok_or(ReplaceError::NotRunning)?;
        runner.swap(ready)
    }

    /// Replaces the program of an element: plans, prepares and swaps.
    ///
    /// # Errors
    /// As [`Self::plan_replacement`], [`Replacement::prepare`] and [`Self::swap`].
    pub fn replace(
        &mut self,
        element: &str,
        arguments: &str,
        host: &mut dyn Host,
        programs: &mut dyn ProgramSource,
    ) -> Result<Replaced, ReplaceError> {
        let ready = self
            .plan_replacement(element, arguments)?
            .prepare(programs)?;
        ready.report(host)?;
        self.swap(ready)
    }

    /// Takes the programs that were prepared beside the router.
    pub(super) fn take_finished(&mut self, host: &mut dyn Host) {
        while let Some(finished) = host.finished() {
            let (index, ready) = finished.into_parts();
            let declaration = self.config().elements().get(index);
            let label = declaration.map(Declaration::label).unwrap_or_default();
            if let Some(runner) = self.runner_mut(index) {
                runner.take_finished(&label, ready, host);
            }
        }
    }

    /// The names of the elements that run programs and have this ID.
    #[must_use]
    pub fn elements_with_id(&self, id: u64) -> alloc::vec::Vec<String> {
        let elements = self.config().elements().iter().enumerate();
        let wanted = |index: usize| {
            let runner = self.element(index).and_then(Element::runner);
            runner.and_then(Runner::id) == Some(id)
        };
        let named = elements.filter(|(index, _)| wanted(*index));
        named
            .map(|(_, declaration)| declaration.name.clone())
            .collect()
    }

    /// What runs the program of an element.
    pub(crate) fn runner_mut(&mut self, index: usize) -> Option<&mut Runner> {
        self.element_mut(index)?.runner_mut()
    }
}
