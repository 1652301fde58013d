//! Carrying out the instructions of a script, as `elements/standard/script.cc` of Click's sources
//! does.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::instruction::{Ending, Instruction, Target, find};
use super::{Kind, Script, function};
use crate::element::{Context, Element as _, Handler};
use crate::handlers::{HandlerError, HandlerName};
use crate::language::{
    Form, Quote, expand, parse_boolean, parse_interval_ns, parse_unsigned, quote, shift_word,
    unquote,
};

/// Jumps of a script that does not wait in between, until it is given up (Click's `max_jumps`).
const MAX_JUMPS: u32 = 1000;

/// How a script goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Past as many instructions that wait.
    Steps(i64),
    /// Past one, because the router would stop.
    Driver,
}

/// What came of a run.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// What it returned.
    pub(super) value: Option<String>,
    /// What went wrong on the way.
    pub(super) errors: Vec<String>,
    /// Whether it ended with an error.
    pub(super) failed: bool,
}

/// What an instruction does to those behind it.
enum Next {
    /// The one at the position comes next.
    Go,
    /// The script waits.
    Rest,
    /// The script has ended.
    End,
}

impl Script {
    /// Gives variables the values that they start with.
    pub(super) fn initialize(&mut self, context: &mut Context<'_>) -> Result<(), String> {
        let mut errors = Vec::new();
        for instruction in self.instructions.clone() {
            if let Instruction::Init {
                variable,
                text,
                unquote,
                ..
            } = instruction
            {
                let value = self.text(&text, unquote, context, &mut errors);
                self.variables.insert(variable, value);
            }
        }
        match errors.is_empty() {
            true => Ok(()),
            false => Err(errors.join("\n")),
        }
    }

    /// Runs from the position on, until the script waits or ends.
    pub(super) fn go_on(&mut self, way: Way, context: &mut Context<'_>) -> Outcome {
        let mut outcome = Outcome::default();
        let mut jumps = 0;
        self.running = Some(match way {
            Way::Steps(steps) => steps,
            Way::Driver => 1,
        });
        let mut way = way;
        while let Some(steps) = self.running.filter(|steps| *steps >= 0) {
            self.running = Some(-1);
            jumps = self.go(way, steps, jumps, context, &mut outcome.errors);
            way = Way::Steps(0);
        }
        self.running = None;
        let last = self.instructions.get(self.position);
        (outcome.value, outcome.failed) = match last {
            Some(Instruction::Return { .. }) => {
                let value = self.variables.get("_").cloned();
                (Some(value.unwrap_or_default()), false)
            }
            Some(Instruction::Error { .. }) => (None, true),
            Some(
                Instruction::End(ending)
                | Instruction::Goto {
                    target: Target::End(ending),
                    ..
                },
            ) => match ending {
                Ending::Error => (None, true),
                Ending::End if self.kind == Kind::Packet => (Some("0".into()), false),
                _ => (None, false),
            },
            _ => (None, false),
        };
        outcome
    }

    /// Goes past `steps` instructions that wait, up to the next one. Gives the jumps so far.
    fn go(
        &mut self,
        way: Way,
        steps: i64,
        jumps: u32,
        context: &mut Context<'_>,
        errors: &mut Vec<String>,
    ) -> u32 {
        let mut jumps = jumps;
        let mut steps = steps;
        let mut next = Next::Go;
        while steps >= 0 && jumps < MAX_JUMPS {
            let at = self.position;
            let Some(instruction) = self.instructions.get(at).cloned() else {
                break;
            };
            // Before it is carried out, since handlers may go elsewhere.
            self.position = at.saturating_add(1);
            next = self.carry_out(&instruction, at, &mut steps, way, context, errors);
            if !matches!(next, Next::Go) {
                break;
            }
            if self.position != at.saturating_add(1) {
                jumps = jumps.saturating_add(1);
            }
        }
        if matches!(next, Next::Go) && jumps >= MAX_JUMPS {
            let label = context.label();
            context
                .host
                .message(&format!("{label}: too many jumps, giving up"));
            self.position = self.instructions.len();
            self.due_ns = None;
        }
        if way == Way::Driver && !matches!(next, Next::End) {
            context.control.run_count = context.control.run_count.saturating_add(1);
        }
        jumps.saturating_add(1)
    }

    fn carry_out(
        &mut self,
        instruction: &Instruction,
        at: usize,
        steps: &mut i64,
        way: Way,
        context: &mut Context<'_>,
        errors: &mut Vec<String>,
    ) -> Next {
        match instruction {
            Instruction::Initial => {
                if core::mem::take(&mut self.fresh) {
                    *steps = steps.saturating_sub(1);
                }
            }
            Instruction::Pause(count) => {
                let waited = self.waited.entry(at).or_insert(0);
                while *steps > 0 && *waited < *count {
                    *waited = waited.saturating_add(1);
                    *steps = steps.saturating_sub(1);
                }
                if *steps == 0 && *waited < *count {
                    self.position = at;
                    return Next::Rest;
                }
            }
            Instruction::Wait(text) if *steps == 0 => {
                let text = self.text(text, false, context, errors);
                match parse_interval_ns(&text) {
                    Some(interval) => {
                        let due = context.host.clock_ns().saturating_add(interval);
                        self.due_ns = Some(due);
                        self.position = at;
                    }
                    None => errors.push("syntax error at 'wait'".into()),
                }
                return Next::Rest;
            }
            Instruction::Wait(_) => {
                *steps = steps.saturating_sub(1);
                self.due_ns = None;
            }
            Instruction::Print {
                text,
                line,
                unquote,
            } => self.print(text, *line, *unquote, context, errors),
            Instruction::Save { call, file, append } => {
                let arrow = if *append { ">>" } else { ">" };
                let file = if file.is_empty() { "-" } else { file };
                let text = format!("{arrow}{file} {call}");
                self.print(&text, true, false, context, errors);
            }
            Instruction::Read { call, unquote } => {
                let call = self.text(call, false, context, errors);
                match self.read_call(&call, *unquote, context) {
                    Ok((name, value)) => context.host.message(&format!("{name}:\n{value}\n")),
                    Err(error) => errors.push(error),
                }
            }
            Instruction::Write { call, unquote } => {
                let call = self.text(call, false, context, errors);
                let written = self.write_call(&call, *unquote, context);
                self.written = written.is_ok();
                errors.extend(written.err());
            }
            Instruction::Set {
                variable,
                text,
                unquote,
            } => {
                let value = self.text(text, *unquote, context, errors);
                self.variables.insert(variable.clone(), value);
            }
            Instruction::Return { text, unquote } => {
                let value = self.text(text, *unquote, context, errors);
                self.variables.insert("_".into(), value);
                if self.position == at.saturating_add(1) {
                    self.position = at;
                    return Next::Rest;
                }
            }
            Instruction::Init { .. } | Instruction::Label(_) => {}
            Instruction::Goto { target, condition } => {
                return self.jump(*target, condition, at, way, context, errors);
            }
            Instruction::End(ending) => {
                self.position = at;
                if *ending == Ending::Stop && way != Way::Driver {
                    context.stop();
                }
                return Next::End;
            }
            Instruction::Error { text, unquote } => {
                let text = self.text(text, *unquote, context, errors);
                if !text.is_empty() {
                    errors.push(text);
                }
                self.position = at;
                return Next::End;
            }
        }
        Next::Go
    }

    fn jump(
        &mut self,
        target: Target,
        condition: &str,
        at: usize,
        way: Way,
        context: &mut Context<'_>,
        errors: &mut Vec<String>,
    ) -> Next {
        let condition = self.text(condition, false, context, errors);
        let holds = match condition.as_str() {
            "" => Some(true),
            text => parse_boolean(text),
        };
        match (holds, target) {
            (None, _) => errors.push(format!("bad condition '{condition}'")),
            (Some(false), _) => {}
            (Some(true), Target::Instruction(target)) => {
                self.forget_pauses(target, at);
                self.position = target;
            }
            (Some(true), Target::End(ending)) => {
                self.position = at;
                if ending == Ending::Stop && way != Way::Driver {
                    context.stop();
                }
                return Next::End;
            }
        }
        Next::Go
    }

    /// Instructions from one on and before another wait again.
    fn forget_pauses(&mut self, from: usize, to: usize) {
        let instructions = &self.instructions;
        let pause = |at: &usize| matches!(instructions.get(*at), Some(Instruction::Pause(_)));
        self.waited
            .retain(|at, _| !(from..to).contains(at) || !pause(at));
    }

    /// `[>FILE] TEXT`: what begins like a name is a handler, anything else a text.
    fn print(
        &mut self,
        text: &str,
        line: bool,
        unquote_parameters: bool,
        context: &mut Context<'_>,
        errors: &mut Vec<String>,
    ) {
        let (file, text) = redirection(text);
        let begins_name = |c: char| c.is_ascii_alphabetic() || matches!(c, '@' | '_');
        let mut out = if text.starts_with(begins_name) {
            let call = self.text(text, false, context, errors);
            match self.read_call(&call, unquote_parameters, context) {
                Ok((_, value)) => value,
                Err(error) => {
                    errors.push(error);
                    return;
                }
            }
        } else {
            unquote(&self.expand(text, Quote::All, context, errors))
        };
        if line && !out.ends_with('\n') {
            out.push('\n');
        }
        match file {
            None | Some(("-", _)) => context.host.output(&out),
            Some((name, append)) => {
                let written = context.host.write_file(name, &out, append);
                errors.extend(written.err().map(|error| error.to_string()));
            }
        }
    }

    /// A text with variables and handlers replaced, and a layer of quotes taken off if `unquoted`.
    fn text(
        &mut self,
        text: &str,
        unquoted: bool,
        context: &mut Context<'_>,
        errors: &mut Vec<String>,
    ) -> String {
        let text = self.expand(text, Quote::Inside, context, errors);
        if unquoted { unquote(&text) } else { text }
    }

    fn expand(
        &mut self,
        text: &str,
        quoting: Quote,
        context: &mut Context<'_>,
        errors: &mut Vec<String>,
    ) -> String {
        let mut values = |form: Form, name: &str| match form {
            Form::Call => match self.read_call(name, false, context) {
                Ok((_, value)) => Some(value),
                Err(error) => {
                    errors.push(error);
                    None
                }
            },
            Form::Name | Form::Braces => self.variable(name, context),
        };
        match expand(text, quoting, &mut values) {
            Ok(text) => text,
            Err(_) => {
                errors.push("a text became too long".into());
                String::new()
            }
        }
    }

    fn variable(&self, name: &str, context: &Context<'_>) -> Option<String> {
        if let Some(value) = self.variables.get(name) {
            return Some(value.clone());
        }
        let words = || {
            let mut rest = self.call.arguments.as_str();
            core::iter::from_fn(move || {
                let (word, behind) = shift_word(rest);
                rest = behind;
                (!word.is_empty()).then_some(word)
            })
        };
        Some(match name {
            "?" => if self.written { "0" } else { "-1" }.into(),
            "args" => self.call.arguments.clone(),
            "$" => format!("{}", context.host.process_id()),
            "0" => self.call.handler.clone(),
            "#" => format!("{}", words().count()),
            "write" => format!("{}", self.call.write),
            _ => {
                let number = usize::try_from(parse_unsigned(name)?).ok()?;
                let word = words().nth(number.checked_sub(1)?);
                word.unwrap_or_default().into()
            }
        })
    }

    /// Reads a handler, and gives its full name, too. One of the script itself is not busy.
    fn read_call(
        &mut self,
        call: &str,
        unquoted: bool,
        context: &mut Context<'_>,
    ) -> Result<(String, String), String> {
        let (name, parameters) = shift_word(call);
        let parameters = parameters_of(parameters, unquoted);
        let name = self.resolve(name, context)?;
        let value = if name.element == Some(context.element()) {
            let generic = context.own_value(self, &name.handler);
            generic.map_or_else(|| self.ask(&name.handler, &parameters, context), Ok)
        } else {
            let read = context.read_named(&name, &parameters);
            read.map_err(reason)
        };
        let full = context.full_name(&name);
        value
            .map(|value| (full.clone(), value))
            .map_err(|error| while_calling(&full, &error))
    }

    fn write_call(
        &mut self,
        call: &str,
        unquoted: bool,
        context: &mut Context<'_>,
    ) -> Result<(), String> {
        let (name, value) = shift_word(call);
        let value = parameters_of(value, unquoted);
        let name = self.resolve(name, context)?;
        let full = context.full_name(&name);
        let written = if name.element == Some(context.element()) {
            self.tell(&name.handler, &value, context)
        } else {
            let written = context.write_named(&name, &value);
            written.map_err(reason)
        };
        written.map_err(|error| while_calling(&full, &error))
    }

    fn resolve(&self, name: &str, context: &Context<'_>) -> Result<HandlerName, String> {
        let own = |name: &str| self.own_handler(name).is_some();
        let found = context.handler_name(&unquote(name), own);
        found.map_err(|error: HandlerError| error.to_string())
    }

    /// Reads a handler of this script.
    pub(super) fn ask(
        &mut self,
        handler: &str,
        parameters: &str,
        context: &mut Context<'_>,
    ) -> Result<String, String> {
        if let Some(result) = function::call(handler, parameters) {
            return result.map_err(Into::into);
        }
        match handler {
            "run" => self.call(handler, parameters, false, context),
            "get" => self.get(parameters),
            "shift" => self.shift(parameters),
            "now" => {
                let now = context.host.clock_ns();
                Ok(crate::render::seconds(now))
            }
            "random" => random(parameters, context.host.random_u32()),
            "cat" | "catq" => {
                let read = context.host.read_file(&unquote(parameters));
                let bytes = read.map_err(|error| error.to_string())?;
                let text = String::from_utf8_lossy(&bytes);
                Ok(match handler {
                    "cat" => text.into_owned(),
                    _ => format!("\"{}\"", quote(&text)),
                })
            }
            "readable" | "writable" => Ok(self.exist(handler, parameters, context)),
            _ => match self.read(handler) {
                Some(value) => Ok(value),
                None if self.kind == Kind::Proxy => self.call(handler, parameters, false, context),
                None => Err("it cannot be read".into()),
            },
        }
    }

    /// Writes to a handler of this script.
    pub(super) fn tell(
        &mut self,
        handler: &str,
        value: &str,
        context: &mut Context<'_>,
    ) -> Result<(), String> {
        match handler {
            "step" => {
                let way = match value.trim() {
                    "" => Way::Steps(1),
                    "router" => Way::Driver,
                    steps => {
                        let steps = parse_unsigned(steps).ok_or("syntax error")?;
                        Way::Steps(i64::try_from(steps).map_err(|_| "syntax error")?)
                    }
                };
                self.start_or_add(way, context)
            }
            "goto" => {
                let target = find(&self.instructions, value.trim());
                let Some(Target::Instruction(target)) = target else {
                    return Err("jump to nonexistent label".into());
                };
                self.forget_pauses(target, self.instructions.len());
                self.position = target;
                self.start_or_go_on(context)
            }
            "set" => {
                let (name, value) = shift_word(value);
                match name {
                    "" => return Err("no variable".into()),
                    "args" => self.call.arguments = value.into(),
                    _ => drop(self.variables.insert(name.into(), value.into())),
                }
                Ok(())
            }
            _ if handler == "run" || self.kind == Kind::Proxy => {
                self.call(handler, value, true, context).map(drop)
            }
            _ => Err("it cannot be written".into()),
        }
    }

    /// Runs the script from its first instruction.
    fn call(
        &mut self,
        handler: &str,
        arguments: &str,
        write: bool,
        context: &mut Context<'_>,
    ) -> Result<String, String> {
        self.position = 0;
        self.call.handler = handler.into();
        self.call.arguments = arguments.into();
        self.call.write = write;
        if self.running.is_some() {
            return Ok(String::new());
        }
        let outcome = self.go_on(Way::Steps(0), context);
        self.call.handler.clear();
        self.call.write = false;
        outcome.into_value(context)
    }

    fn start_or_add(&mut self, way: Way, context: &mut Context<'_>) -> Result<(), String> {
        match (&mut self.running, way) {
            (Some(steps), Way::Steps(more)) => {
                *steps = steps.saturating_add(more);
                Ok(())
            }
            (Some(_), Way::Driver) => Ok(()),
            (None, way) => self.go_on(way, context).into_value(context).map(drop),
        }
    }

    fn start_or_go_on(&mut self, context: &mut Context<'_>) -> Result<(), String> {
        match self.running {
            Some(_) => Ok(()),
            None => self.start_or_add(Way::Steps(0), context),
        }
    }

    fn get(&self, name: &str) -> Result<String, String> {
        match (name.trim(), self.variables.get(name.trim())) {
            ("", _) => Err("no variable".into()),
            ("args", _) => Ok(self.call.arguments.clone()),
            (_, Some(value)) => Ok(value.clone()),
            (name, None) => Err(format!("undefined variable '{name}'")),
        }
    }

    fn shift(&mut self, name: &str) -> Result<String, String> {
        let value = match name.trim() {
            "" | "args" => &mut self.call.arguments,
            name => {
                let value = self.variables.get_mut(name);
                value.ok_or_else(|| format!("undefined variable '{name}'"))?
            }
        };
        let (word, rest) = shift_word(value);
        let (word, rest) = (String::from(word), String::from(rest));
        *value = rest;
        Ok(word)
    }

    /// Whether all handlers of a list exist and can be read, or written.
    fn exist(&self, what: &str, names: &str, context: &Context<'_>) -> String {
        let mut rest = names;
        let mut all = true;
        while all && !rest.is_empty() {
            let (name, behind) = shift_word(rest);
            let found = self.resolve(name, context).ok();
            let found = found.and_then(|name| match name.element == Some(context.element()) {
                true => context.look_up_own(self, &name).ok(),
                false => context.look_up(&name).ok(),
            });
            all = found.is_some_and(|handler: Handler<String>| match what {
                "readable" => handler.readable,
                _ => handler.writable,
            });
            rest = behind;
        }
        format!("{all}")
    }
}

impl Outcome {
    /// What the script returned, or why it failed; errors on the way are shown.
    fn into_value(self, context: &mut Context<'_>) -> Result<String, String> {
        if self.failed {
            return Err(self.errors.join("\n"));
        }
        let value = self.value.clone().unwrap_or_default();
        self.report(context);
        Ok(value)
    }
}

/// `>FILE` or `>>FILE` in front of a text: the file, and whether it is appended to.
fn redirection(text: &str) -> (Option<(&str, bool)>, &str) {
    let Some(rest) = text.strip_prefix('>') else {
        return (None, text);
    };
    let (rest, append) = match rest.strip_prefix('>') {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    match shift_word(rest) {
        ("", rest) => (None, rest),
        (file, rest) => (Some((file, append)), rest),
    }
}

fn parameters_of(text: &str, unquoted: bool) -> String {
    if unquoted { unquote(text) } else { text.into() }
}

/// What is wrong, below the name of the handler.
fn reason(error: HandlerError) -> String {
    match error {
        HandlerError::Refused { reason, .. } => reason,
        error => error.to_string(),
    }
}

fn while_calling(handler: &str, error: &str) -> String {
    let mut text = format!("While calling '{handler}':");
    for line in error.lines() {
        text.push_str("\n  ");
        text.push_str(line);
    }
    text
}

/// A number at random, below one bound or between two.
fn random(parameters: &str, random: u32) -> Result<String, String> {
    const BAD: &str = "bad N";
    let (first, rest) = shift_word(parameters);
    let (second, rest) = shift_word(rest);
    let bound = |text: &str| {
        let number = parse_unsigned(text).and_then(|number| u32::try_from(number).ok());
        number.map(u64::from).ok_or(BAD)
    };
    let (low, high) = match (first, second, rest) {
        ("", ..) => (0, u64::from(u32::MAX >> 1)),
        (high, "", _) => (0, bound(high)?.checked_sub(1).ok_or(BAD)?),
        (low, high, "") => (bound(low)?, bound(high)?),
        _ => return Err("too many arguments".into()),
    };
    let count = high.checked_sub(low).ok_or(BAD)?.saturating_add(1);
    let number = u64::from(random).checked_rem(count).unwrap_or(0);
    Ok(format!("{}", low.saturating_add(number)))
}
