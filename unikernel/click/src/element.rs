//! What an element is to the router.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::any::Any;
use core::fmt;

use bpf_runtime::Packet;

use crate::elements::Runner;
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::handlers::Refusal;
use crate::host::{Host, HostError};
use crate::language::{Arguments, Config, Declaration, Endpoint};

use crate::router::{Control, Plan};

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

    /// Learns whether packets are pushed or pulled through its ports, before anything else happens.
    fn connect(&mut self, _inputs: &[Processing], _outputs: &[Processing]) {}

    /// Does one piece of work of an element that acts by itself: makes at most one packet.
    ///
    /// # Errors
    /// A device failed; the router stops.
    fn run(&mut self, _context: &mut Context<'_>) -> Result<Activity, HostError> {
        Ok(Activity::Idle)
    }

    /// How many times in a row [`Self::run`] is called.
    fn burst(&self) -> u64 {
        1
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

    /// Whether it can store no more packets; `None` if it stores none.
    fn is_full(&self) -> Option<bool> {
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

/// The elements of a router; one that is being called is not there.
pub(crate) type Elements = Vec<Option<Box<dyn Element>>>;

/// What an element works with while it is called.
pub(crate) struct Context<'a> {
    /// The world outside.
    pub(crate) host: &'a mut dyn Host,
    /// Packets that go on, with the output that they leave through.
    pub(super) emitted: &'a mut Vec<(usize, Packet)>,
    /// Packets that elements upstream have pushed to others when they were pulled from.
    pub(super) under_way: &'a mut Vec<(Endpoint, Packet)>,
    pub(super) elements: &'a mut Elements,
    pub(super) plan: &'a Plan,
    pub(super) control: &'a mut Control,
    /// The element that is called; the number behind the last one stands for the router itself.
    pub(super) element: usize,
    /// How many of `emitted` belong to elements further downstream.
    pub(super) emitted_before: usize,
}

impl Context<'_> {
    /// Sends a packet on through an output. Where the output is optional and not connected, the
    /// packet ends there.
    pub(crate) fn push(&mut self, output: usize, packet: Packet) {
        self.emitted.push((output, packet));
    }

    /// Asks the element in front of a pull input for a packet.
    ///
    /// # Errors
    /// A device failed; the router stops.
    pub(crate) fn pull(&mut self, input: usize) -> Result<Option<Packet>, HostError> {
        let port = Endpoint {
            element: self.element,
            port: input,
        };
        let Some(from) = self.plan.graph.origin(port) else {
            return Ok(None);
        };
        // The graph has no way round along which packets are pulled, so the element is there.
        self.call(from.element, |element, context| {
            element.pull(from.port, context)
        })
        .unwrap_or(Ok(None))
    }

    /// Calls another element, which is taken out for that time; `None` if it is being called
    /// already. What it sends is under way afterwards.
    pub(crate) fn call<T>(
        &mut self,
        index: usize,
        work: impl FnOnce(&mut dyn Element, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let mut element = self.elements.get_mut(index).and_then(Option::take)?;
        let before = self.emitted.len();
        let done = work(
            element.as_mut(),
            &mut Context {
                host: self.host,
                emitted: self.emitted,
                under_way: self.under_way,
                elements: self.elements,
                plan: self.plan,
                control: self.control,
                element: index,
                emitted_before: before,
            },
        );
        if let Some(slot) = self.elements.get_mut(index) {
            *slot = Some(element);
        }
        for (port, packet) in self.emitted.drain(before..).rev() {
            let from = Endpoint {
                element: index,
                port,
            };
            if let Some(target) = self.plan.graph.target(from) {
                self.under_way.push((target, packet));
            }
        }
        Some(done)
    }

    /// Another element, if it is of this type and not being called.
    #[allow(dead_code, reason = "for elements that use others")]
    pub(crate) fn other<T: Element>(&mut self, index: usize) -> Option<&mut T> {
        let element = self.elements.get_mut(index)?.as_mut()?;
        let element: &mut dyn Any = element.as_mut();
        element.downcast_mut()
    }

    /// Says that there will be something to pull at a time at which nobody else may be awake.
    pub(crate) fn wake_at(&mut self, time_ns: u64) {
        let wake = self.control.wake_ns.unwrap_or(u64::MAX).min(time_ns);
        self.control.wake_ns = Some(wake);
    }

    /// Whether another element can store no more packets; `None` if it stores none.
    pub(crate) fn is_full(&self, index: usize) -> Option<bool> {
        self.elements.get(index)?.as_ref()?.is_full()
    }

    /// The element that is called.
    pub(crate) const fn element(&self) -> usize {
        self.element
    }

    /// The configuration of the router.
    pub(crate) const fn config(&self) -> &Config {
        &self.plan.config
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        let declaration = self.plan.config.elements().get(self.element);
        declaration.map_or("", |declaration| declaration.name.as_str())
    }

    /// Its name and class, as messages call it.
    pub(crate) fn label(&self) -> String {
        let declaration = self.plan.config.elements().get(self.element);
        declaration.map(Declaration::label).unwrap_or_default()
    }

    /// Stops the router, unless a script or manager has something left to do.
    pub(crate) const fn stop(&mut self) {
        self.control.run_count = self.control.run_count.saturating_sub(1);
    }

    /// Takes back the first packet that the element has sent through `output`.
    fn take_back(&mut self, output: usize) -> Option<Packet> {
        let own = self.emitted.get(self.emitted_before..)?;
        let at = own.iter().position(|(port, _)| *port == output)?;
        let at = self.emitted_before.saturating_add(at);
        Some(self.emitted.remove(at).1)
    }
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
