//! What an element is to the router.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::any::Any;
use core::fmt;

use crate::elements::Runner;
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::handlers::Refusal;
use crate::host::{Host, HostError};
use crate::language::Arguments;
use crate::packet::{Batch, Packet};

pub(crate) use crate::context::Context;

/// An element of a running router.
pub(crate) trait Element: Any + fmt::Debug {
    /// Takes a packet through an input, and sends packets on with [`Context::push`] or drops it.
    ///
    /// # Errors
    /// A device failed; the router stops.
    fn push(
        &mut self,
        input: usize,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError>;

    /// Gives a packet through an output that the element behind pulls from; `None` if there is none.
    ///
    /// An element that has nothing of its own to say pulls from its first input, does with the
    /// packet what it does with one that is pushed, and gives what it then sends through `output`.
    ///
    /// # Errors
    /// A device failed; the router stops.
    fn pull(
        &mut self,
        output: usize,
        context: &mut Context<'_>,
    ) -> Result<Option<Packet>, HostError> {
        let Some(packet) = context.pull(0)? else {
            return Ok(None);
        };
        self.push(0, packet, context)?;
        Ok(context.take_back(output))
    }

    /// Handles a packet where it is, if that is all that the element does with packets: gives the
    /// output that it leaves through, or nothing if it is dropped ([`crate::in_place`]).
    fn handle_one(
        &mut self,
        _input: usize,
        _packet: &mut Packet,
        _context: &mut Context<'_>,
    ) -> Option<usize> {
        None
    }

    /// Whether [`Self::handle_one`] is there for all packets that are pushed.
    fn is_in_place(&self) -> bool {
        false
    }

    /// Takes packets through an input as [`Self::push`] does, and gives no others a chance to see that
    /// they come together. Called where [`Self::takes_batches`] says so.
    ///
    /// # Errors
    /// As [`Self::push`]; what was sent on before stays so.
    fn push_batch(
        &mut self,
        input: usize,
        mut batch: Batch,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        for packet in batch.drain(..) {
            self.push(input, packet, context)?;
        }
        context.give_batch(batch);
        Ok(())
    }

    /// Whether nobody can tell, but for the time that it takes, if it gets a packet before or after
    /// others that came before it have arrived downstream: it says nothing, uses no handlers, and its
    /// work depends on nothing that elements downstream do.
    fn takes_batches(&self) -> bool {
        false
    }

    /// Whether what it does to packets depends on nothing that another element could change meanwhile,
    /// and others learn of them only from what it sends.
    fn keeps_to_itself(&self) -> bool {
        self.takes_batches()
    }

    /// Whether it uses handlers while packets are on their way. Then elements get all packets one by
    /// one: the handlers' elements might tell.
    fn uses_handlers(&self) -> bool {
        false
    }

    /// Pulls packets as [`Self::pull`] does, at most `most`, to the end of `batch`: fewer if there
    /// are no more, or if somebody could tell that they were pulled together.
    ///
    /// # Errors
    /// As [`Self::pull`].
    fn pull_batch(
        &mut self,
        output: usize,
        most: usize,
        batch: &mut Batch,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        if most > 0 {
            batch.extend(self.pull(output, context)?);
        }
        Ok(())
    }

    /// Learns whether packets are pushed or pulled through its ports, before anything else happens.
    fn connect(&mut self, _inputs: &[Processing], _outputs: &[Processing]) {}

    /// Does one piece of work of an element that acts by itself: makes at most one packet.
    ///
    /// # Errors
    /// A device failed; the router stops.
    fn run(&mut self, _context: &mut Context<'_>) -> Result<Activity, HostError> {
        Ok(Activity::Idle)
    }

    /// How many times in a row [`Self::run`] is called; 0 if the element does not act by itself,
    /// which does not change once its ports are known.
    fn burst(&self) -> u64 {
        0
    }

    /// Calls [`Self::run`] once, or up to `most` times if nobody can tell whether what it sends is led
    /// on between the calls. Says how often it was, and what came of the last.
    ///
    /// # Errors
    /// As [`Self::run`]; what was sent on before stays so.
    fn run_many(
        &mut self,
        _most: u64,
        context: &mut Context<'_>,
    ) -> Result<(u64, Activity), HostError> {
        self.run(context).map(|activity| (1, activity))
    }

    /// Opens what is read, before programs are admitted. Changes nothing outside.
    ///
    /// # Errors
    /// The file cannot be used.
    fn open_inputs(&mut self, _host: &mut dyn Host) -> Result<(), HostError> {
        Ok(())
    }

    /// Opens what is written: the last thing before the router runs.
    ///
    /// # Errors
    /// The file cannot be used.
    fn open_outputs(&mut self, _host: &mut dyn Host) -> Result<(), HostError> {
        Ok(())
    }

    /// Begins its work, when all elements are there and have what they need.
    ///
    /// # Errors
    /// What is wrong, in words.
    fn start(&mut self, _context: &mut Context<'_>) -> Result<(), String> {
        Ok(())
    }

    /// Whether it is asked before the router stops.
    fn manages_stops(&self) -> bool {
        false
    }

    /// Hears that the router is to stop; it goes on if the run count is positive afterwards.
    ///
    /// # Errors
    /// A device failed; the router stops.
    fn stopping(&mut self, _context: &mut Context<'_>) -> Result<(), HostError> {
        Ok(())
    }

    /// Completes what is written: the last thing after the router has run.
    ///
    /// # Errors
    /// A device failed.
    fn finish(&mut self) -> Result<(), HostError> {
        Ok(())
    }

    /// What runs its program, if it has any.
    fn runner(&self) -> Option<&Runner> {
        None
    }

    /// What runs its program, if it has any.
    fn runner_mut(&mut self) -> Option<&mut Runner> {
        None
    }

    /// How many packets it can still store; `None` if it stores none, or tells nobody.
    fn room(&self) -> Option<usize> {
        None
    }

    /// The value of one of its readable handlers, where that takes nothing but the element.
    fn read(&self, _handler: &str) -> Option<String> {
        None
    }

    /// Writes to one of its writable handlers. `None`: the value does not fit.
    fn write(&mut self, _handler: &str, _value: &str) -> Option<()> {
        None
    }

    /// Reads one of its handlers while the router is there: a handler that takes parameters, needs
    /// the host, or uses handlers of other elements.
    ///
    /// # Errors
    /// The parameters do not fit, or something else is in the way.
    fn read_in(
        &mut self,
        handler: &str,
        _parameters: &str,
        _context: &mut Context<'_>,
    ) -> Result<String, Refusal> {
        self.read(handler).ok_or(Refusal::Value)
    }

    /// Writes to one of its handlers while the router is there.
    ///
    /// # Errors
    /// The value does not fit, or something else is in the way.
    fn write_in(
        &mut self,
        handler: &str,
        value: &str,
        _context: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        self.write(handler, value).ok_or(Refusal::Value)
    }

    /// Handlers that this element has beside those of its class.
    fn own_handlers(&self) -> Vec<Handler<String>> {
        Vec::new()
    }

    /// The handler with this name, if the element has one that its class does not have.
    fn own_handler(&self, name: &str) -> Option<Handler<String>> {
        let mut own = self.own_handlers().into_iter();
        own.find(|handler| handler.name == name)
    }
}

/// What came of a call of [`Element::run`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    /// There may be more to do.
    Working,
    /// There is nothing to do before the clock says this, in nanoseconds, unless packets arrive or a
    /// handler is written to.
    Waiting(u64),
    /// There is nothing more to do, unless packets arrive or a handler is written to.
    Idle,
    /// The router is to stop.
    Stop,
}

/// A class of elements: an entry of the table [`crate::elements::ALL`].
pub struct ElementClass {
    /// Its name in configurations.
    pub name: &'static str,
    /// Its manual page, in Markdown: a summary line, then the sections Configuration, Ports,
    /// Handlers and Example.
    pub manual: &'static str,
    /// Its inputs.
    pub inputs: Side,
    /// Its outputs.
    pub outputs: Side,
    /// The keywords of its arguments.
    pub keywords: &'static [&'static str],
    /// Its handlers, beside those that every element has.
    pub handlers: &'static [Handler],
    /// Makes an element from its arguments and its number of outputs.
    pub(crate) configure: Configure,
}

/// Makes an element from its arguments and its number of outputs.
pub(crate) type Configure = fn(&mut Arguments<'_>, usize) -> Result<Box<dyn Element>, ConfigError>;

impl ElementClass {
    /// The first sentence of the manual.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        let line = self.manual.lines().find(|line| !line.trim().is_empty());
        line.unwrap_or_default().trim().trim_end_matches('.')
    }
}

impl fmt::Debug for ElementClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A handler of a class or, with a name of its own, of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handler<N = &'static str> {
    /// Its name.
    pub name: N,
    /// Whether it can be read.
    pub readable: bool,
    /// Whether it can be written.
    pub writable: bool,
    /// Whether it takes parameters when it is read.
    pub parameters: bool,
}

impl<N> Handler<N> {
    /// A handler that can only be read.
    pub(crate) const fn read(name: N) -> Self {
        Self {
            name,
            readable: true,
            writable: false,
            parameters: false,
        }
    }

    /// A handler that can only be written.
    pub(crate) const fn write(name: N) -> Self {
        Self {
            name,
            readable: false,
            writable: true,
            parameters: false,
        }
    }

    /// A handler that can be read and written.
    pub(crate) const fn read_write(name: N) -> Self {
        Self {
            name,
            readable: true,
            writable: true,
            parameters: false,
        }
    }

    /// A handler that can only be read, and takes parameters then.
    pub(crate) const fn ask(name: N) -> Self {
        Self {
            name,
            readable: true,
            writable: false,
            parameters: true,
        }
    }

    /// A handler that can be read, with parameters, and written.
    pub(crate) const fn ask_write(name: N) -> Self {
        Self {
            name,
            readable: true,
            writable: true,
            parameters: true,
        }
    }
}

impl Handler {
    /// The same with a name of its own.
    pub(crate) fn owned(&self) -> Handler<String> {
        Handler {
            name: self.name.into(),
            readable: self.readable,
            writable: self.writable,
            parameters: self.parameters,
        }
    }
}

/// Defines an element's type together with its manual: the documentation of the type.
macro_rules! manual {
    ($( #[doc = $line:literal] )+ pub(crate) struct $name:ident $fields:tt) => {
        $( #[doc = $line] )+
        #[derive(Debug)]
        pub(crate) struct $name $fields

        impl $name {
            /// The manual page.
            const MANUAL: &'static str = concat!($( $line, "\n" ),+);
        }
    };
}
pub(crate) use manual;
