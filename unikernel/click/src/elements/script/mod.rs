//! Script and DriverManager.

mod function;
mod instruction;
mod number;
mod printf;
mod run;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::element::{Activity, Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::handlers::Refusal;
use crate::host::HostError;
use crate::language::{Arguments, parse_limit};
use crate::packet::Packet;

use instruction::{Ending, Instruction};
use run::{Outcome, Way};

manual! {
    /// Does one thing after the other: waits, calculates, and uses handlers of other elements.
    ///
    /// Instructions, texts and functions are those of Click's Script. In a text, `$name` stands for a
    /// variable and `$(handler parameters)` for what a handler says; a handler without a dot is one of
    /// the script itself, such as a function, or else of the router. `DriverManager` is a script of
    /// the TYPE `DRIVER`.
    ///
    /// # Configuration
    /// `Script(INSTRUCTION, …, [keyword TYPE])`
    /// - TYPE: when the script runs. `ACTIVE`, from the start on, is the default without ports;
    ///   `PACKET`, for each packet, the default with ports; `PASSIVE`, when a handler is used;
    ///   `PROXY`, when any handler is used that the class does not have; `DRIVER`, each time before
    ///   the router would stop.
    ///
    /// | instruction | |
    /// |---|---|
    /// | `set VAR TEXT`, `init VAR TEXT`, `export VAR TEXT` | sets a variable; once, at the start; and as a handler |
    /// | `print [>FILE] TEXT`, `printn` | prints a text in quotes or the value of a handler; without a line's end |
    /// | `read HANDLER`, `write HANDLER TEXT` | shows what a handler says; writes to it |
    /// | `save HANDLER FILE`, `append HANDLER FILE` | writes what a handler says into a file |
    /// | `wait TIME`, `pause [STEPS]` | waits for a time or a step; for steps |
    /// | `label NAME`, `goto NAME [CONDITION]`, `loop` | goes on somewhere else |
    /// | `return [TEXT]`, `end`, `exit`, `error [TEXT]`, `stop` | ends; with a value or output, without a packet, with an error, and stops the router |
    ///
    /// A `q` behind the name of an instruction takes a layer of quotes off its text.
    ///
    /// # Ports
    /// Any number of inputs, any number of outputs; the first ones are agnostic, the others push. A
    /// packet leaves through the output whose number is returned, or through the first one at `end`.
    ///
    /// # Handlers
    /// - `step`, `goto` (write): goes past as many instructions that wait; to a label.
    /// - `run` (read, write): runs it from its first instruction; the value is what it returns, the
    ///   parameters are `$args`, `$1`, `$2`, … and their number `$#`.
    /// - `get`, `shift` (read), `set` (write): a variable; its first word, which is taken off.
    /// - `add`, `sub`, `mul`, `div`, `idiv`, `mod`, `rem`, `min`, `max`, `neg`, `abs` (read): numbers.
    /// - `eq`, `ne`, `lt`, `le`, `gt`, `ge`, `in` (read): comparison of numbers or texts.
    /// - `not`, `and`, `or`, `nand`, `nor`, `if` (read): truth.
    /// - `first`, `length`, `unquote`, `sprintf` (read): texts.
    /// - `htons`, `htonl`, `ntohs`, `ntohl` (read): the order of bytes.
    /// - `now`, `random` (read): the time; a number at random, below a bound or between two.
    /// - `cat`, `catq` (read): what a file holds; in quotes.
    /// - `readable`, `writable` (read): whether there are handlers of these names.
    ///
    /// # Example
    /// ```click
    /// s :: InfiniteSource(LIMIT 5, ACTIVE false) -> c :: Counter -> Discard;
    /// Script(write s.active true, wait 1ms, print $(add $(c.count) 1), stop);
    /// DriverManager(pause, print "done");
    /// ```
    pub(crate) struct Script {
        kind: Kind,
        instructions: Vec<Instruction>,
        variables: BTreeMap<String, String>,
        /// The instruction that comes next.
        position: usize,
        /// Whether its first turn is still to come.
        fresh: bool,
        /// Steps that instructions have waited for.
        waited: BTreeMap<usize, u64>,
        /// When it goes on by itself.
        due_ns: Option<u64>,
        /// While it runs, the steps that were asked for meanwhile; below 0 if none were.
        running: Option<i64>,
        call: Call,
        /// Whether the last handler that was written to took its value.
        written: bool,
    }
}

/// How a script was started by a handler.
#[derive(Debug, Default)]
struct Call {
    handler: String,
    arguments: String,
    write: bool,
}

/// When a script runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Active,
    Passive,
    Packet,
    Proxy,
    Driver,
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "Script",
    manual: Script::MANUAL,
    inputs: Side::at_least(0, Processing::Agnostic).then(Processing::Push),
    outputs: Side::at_least(0, Processing::Agnostic).then(Processing::Push),
    keywords: &["TYPE"],
    handlers: &[
        Handler::write("step"),
        Handler::write("goto"),
        Handler::ask_write("run"),
        Handler::ask("get"),
        Handler::ask("shift"),
        Handler::write("set"),
        Handler::read("now"),
        Handler::ask("random"),
        Handler::ask("cat"),
        Handler::ask("catq"),
        Handler::ask("readable"),
        Handler::ask("writable"),
        Handler::ask("abs"),
        Handler::ask("add"),
        Handler::ask("and"),
        Handler::ask("div"),
        Handler::ask("eq"),
        Handler::ask("first"),
        Handler::ask("ge"),
        Handler::ask("gt"),
        Handler::ask("htonl"),
        Handler::ask("htons"),
        Handler::ask("idiv"),
        Handler::ask("if"),
        Handler::ask("in"),
        Handler::ask("le"),
        Handler::ask("length"),
        Handler::ask("lt"),
        Handler::ask("max"),
        Handler::ask("min"),
        Handler::ask("mod"),
        Handler::ask("mul"),
        Handler::ask("nand"),
        Handler::ask("ne"),
        Handler::ask("neg"),
        Handler::ask("nor"),
        Handler::ask("not"),
        Handler::ask("ntohl"),
        Handler::ask("ntohs"),
        Handler::ask("or"),
        Handler::ask("rem"),
        Handler::ask("sprintf"),
        Handler::ask("sub"),
        Handler::ask("unquote"),
    ],
    configure: |arguments, outputs| configure(arguments, outputs, None),
};

/// The class of scripts that manage when the router stops.
pub(crate) const DRIVER_MANAGER: ElementClass = ElementClass {
    name: "DriverManager",
    configure: |arguments, outputs| configure(arguments, outputs, Some(Kind::Driver)),
    ..CLASS
};

fn configure(
    arguments: &mut Arguments<'_>,
    outputs: usize,
    default: Option<Kind>,
) -> Result<Box<dyn Element>, ConfigError> {
    let ports = arguments.inputs() > 0 || outputs > 0;
    let kind = match arguments.keyword("TYPE")? {
        Some(value) => {
            let kind = Kind::parse(value.text());
            let kind = kind.ok_or_else(|| value.refuse("a type of script"))?;
            let fits = match kind {
                Kind::Packet => arguments.inputs() > 0,
                _ => !ports,
            };
            if !fits {
                return Err(value.refuse("PACKET with ports, and another type without"));
            }
            kind
        }
        None if ports => Kind::Packet,
        None => default.unwrap_or(Kind::Active),
    };
    let last = match kind {
        Kind::Driver => Ending::Stop,
        _ => Ending::End,
    };
    Ok(Box::new(Script {
        kind,
        instructions: instruction::read(&arguments.rest(), last)?,
        variables: BTreeMap::new(),
        position: 0,
        fresh: false,
        waited: BTreeMap::new(),
        due_ns: None,
        running: None,
        call: Call::default(),
        written: true,
    }))
}

impl Kind {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "ACTIVE" => Self::Active,
            "PASSIVE" => Self::Passive,
            "PACKET" | "PUSH" => Self::Packet,
            "PROXY" => Self::Proxy,
            "DRIVER" => Self::Driver,
            _ => return None,
        })
    }
}

impl Element for Script {
    fn start(&mut self, context: &mut Context<'_>) -> Result<(), String> {
        self.initialize(context)?;
        if !matches!(self.kind, Kind::Active | Kind::Driver) {
            return Ok(());
        }
        match self.instructions.first() {
            Some(Instruction::Wait(_)) => {
                let outcome = self.go_on(Way::Steps(0), context);
                if !outcome.errors.is_empty() {
                    return Err(outcome.errors.join("\n"));
                }
            }
            Some(Instruction::Initial) => {
                self.fresh = true;
                // A driver script is asked at once, unless it waits to be asked.
                match self.kind {
                    Kind::Driver => context.stop(),
                    _ => self.due_ns = Some(0),
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn run(&mut self, context: &mut Context<'_>) -> Result<Activity, HostError> {
        let Some(due) = self.due_ns else {
            return Ok(Activity::Idle);
        };
        if due > context.host.clock_ns() {
            return Ok(Activity::Waiting(due));
        }
        self.due_ns = None;
        let outcome = self.go_on(Way::Steps(1), context);
        outcome.report(context);
        Ok(Activity::Working)
    }

    fn burst(&self) -> u64 {
        1
    }

    fn manages_stops(&self) -> bool {
        self.kind == Kind::Driver
    }

    fn stopping(&mut self, context: &mut Context<'_>) -> Result<(), HostError> {
        let outcome = self.go_on(Way::Driver, context);
        outcome.report(context);
        Ok(())
    }

    /// A packet that does not leave is gone.
    fn push(
        &mut self,
        input: usize,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        let input = alloc::format!("{input}");
        self.variables.insert("input".into(), input);
        self.position = 0;
        let outcome = self.go_on(Way::Steps(0), context);
        let output = outcome.value.as_deref().and_then(parse_limit).flatten();
        outcome.report(context);
        let output = output.and_then(|output| usize::try_from(output).ok());
        if let Some(output) = output {
            context.push(output, packet);
        }
        Ok(())
    }

    fn own_handlers(&self) -> Vec<Handler<String>> {
        let exported = self
            .instructions
            .iter()
            .filter_map(|instruction| match instruction {
                Instruction::Init {
                    variable,
                    exported: true,
                    ..
                } => Some(Handler::read(variable.clone())),
                _ => None,
            });
        exported.collect()
    }

    fn own_handler(&self, name: &str) -> Option<Handler<String>> {
        let mut exported = self.own_handlers().into_iter();
        let exported = exported.find(|handler| handler.name == name);
        let of_class = || CLASS.handlers.iter().any(|handler| handler.name == name);
        let generic = || crate::handlers::GENERIC.iter().any(|h| h.name == name);
        match exported {
            Some(handler) => Some(handler),
            None if self.kind != Kind::Proxy || of_class() || generic() => None,
            None => Some(Handler::ask_write(name.into())),
        }
    }

    fn read(&self, handler: &str) -> Option<String> {
        let exported = self.own_handlers().iter().any(|h| h.name == handler);
        let value = exported.then(|| self.variables.get(handler))?;
        Some(value.cloned().unwrap_or_default())
    }

    fn read_in(
        &mut self,
        handler: &str,
        parameters: &str,
        context: &mut Context<'_>,
    ) -> Result<String, Refusal> {
        self.ask(handler, parameters, context)
            .map_err(Refusal::Because)
    }

    fn write_in(
        &mut self,
        handler: &str,
        value: &str,
        context: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        self.tell(handler, value, context).map_err(Refusal::Because)
    }
}

impl Outcome {
    /// Shows the errors of a script that nobody called.
    fn report(self, context: &mut Context<'_>) {
        if self.errors.is_empty() {
            return;
        }
        let mut text = alloc::format!("While executing '{}':", context.label());
        for error in &self.errors {
            // As in Click, only what went wrong is indented, and not what was being done.
            let indent = if error.starts_with("While ") {
                ""
            } else {
                "  "
            };
            for line in error.lines() {
                text.push_str(&alloc::format!("\n{indent}{line}"));
            }
        }
        context.host.message(&text);
    }
}

#[cfg(test)]
mod tests;
