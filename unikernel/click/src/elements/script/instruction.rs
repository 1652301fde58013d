//! The instructions of a script, and how they are written.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::ConfigError;
use crate::language::{Value, parse_unsigned, shift_word};

/// An instruction. Texts are expanded when it is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Instruction {
    /// Ends the first turn of a script that does not begin with waiting.
    Initial,
    /// Waits for steps.
    Pause(u64),
    /// Waits for a time, or a step.
    Wait(String),
    /// Prints a text or what a handler says.
    Print {
        text: String,
        /// Whether a line's end is added.
        line: bool,
        unquote: bool,
    },
    /// Prints what a handler says, and its name, for whoever watches the router.
    Read { call: String, unquote: bool },
    /// Writes to a handler.
    Write { call: String, unquote: bool },
    /// Writes what a handler says into a file.
    Save {
        call: String,
        file: String,
        append: bool,
    },
    /// Sets a variable.
    Set {
        variable: String,
        text: String,
        unquote: bool,
    },
    /// Sets a variable once, when the router starts. One that is exported is a handler, too.
    Init {
        variable: String,
        text: String,
        unquote: bool,
        exported: bool,
    },
    /// A place to go to.
    Label(String),
    /// Goes on somewhere else if the condition holds.
    Goto { target: Target, condition: String },
    /// Ends the script and gives a value.
    Return { text: String, unquote: bool },
    /// Ends the script.
    End(Ending),
    /// Ends the script with an error and says why.
    Error { text: String, unquote: bool },
}

/// Where an instruction leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The instruction with this number.
    Instruction(usize),
    /// The end.
    End(Ending),
}

/// How a script ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It is done.
    End,
    /// It is done; a packet is dropped.
    Exit,
    /// It is done, and the router is to stop.
    Stop,
    /// Something is wrong.
    Error,
}

/// Instructions of one script: more than anybody writes.
const MAX_INSTRUCTIONS: usize = 4096;

/// What an argument must be.
const INSTRUCTION: &str = "an instruction";

/// Reads the instructions of a script, each an argument. `last` ends it.
pub(super) fn read(arguments: &[Value<'_>], last: Ending) -> Result<Vec<Instruction>, ConfigError> {
    let mut instructions = Vec::new();
    let mut ways = Vec::new();
    for argument in arguments {
        if instructions.len() >= MAX_INSTRUCTIONS {
            return Err(argument.refuse("one of no more than 4096 instructions"));
        }
        let (name, rest) = shift_word(argument.text());
        // As in Click, nothing between two commas is an instruction that does nothing.
        if name.is_empty() && rest.is_empty() {
            continue;
        }
        let instruction = parse(name, rest).ok_or_else(|| argument.refuse(INSTRUCTION))?;
        let waits = matches!(instruction, Instruction::Pause(_) | Instruction::Wait(_));
        if instructions.is_empty() && !waits {
            instructions.push(Instruction::Initial);
        }
        if name == "goto" {
            ways.push((instructions.len(), argument));
        }
        instructions.push(instruction);
    }
    if instructions.is_empty() {
        // A driver script without instructions lets the first request to stop pass.
        instructions.push(match last {
            Ending::Stop => Instruction::Pause(1),
            _ => Instruction::Initial,
        });
    }
    instructions.push(Instruction::End(last));
    for (index, argument) in ways {
        resolve(&mut instructions, index)
            .ok_or_else(|| argument.refuse("a way to a label that there is"))?;
    }
    Ok(instructions)
}

fn parse(name: &str, rest: &str) -> Option<Instruction> {
    let unquote = name.ends_with('q') && name != "q";
    let text = String::from(rest);
    Some(match name {
        "wait" if rest.is_empty() => Instruction::Pause(1),
        "wait" | "wait_for" | "wait_time" => Instruction::Wait(text),
        "pause" | "wait_step" | "wait_stop" if rest.is_empty() => Instruction::Pause(1),
        "pause" | "wait_step" | "wait_stop" => Instruction::Pause(parse_unsigned(rest)?),
        "print" | "printq" | "printn" | "printnq" => Instruction::Print {
            text,
            line: !name.starts_with("printn"),
            unquote,
        },
        "read" | "readq" => Instruction::Read {
            call: text,
            unquote,
        },
        "write" | "writeq" => Instruction::Write {
            call: text,
            unquote,
        },
        "save" | "append" => {
            let (call, file) = shift_word(rest);
            Instruction::Save {
                call: call.into(),
                file: file.into(),
                append: name == "append",
            }
        }
        "set" | "setq" => {
            let (variable, text) = variable(rest).filter(|(_, text)| !text.is_empty())?;
            Instruction::Set {
                variable,
                text,
                unquote,
            }
        }
        "init" | "initq" | "export" | "exportq" => {
            let (variable, text) = variable(rest)?;
            Instruction::Init {
                variable,
                text,
                unquote,
                exported: name.starts_with("export"),
            }
        }
        "label" => match shift_word(rest) {
            ("", _) => return None,
            (label, "") => Instruction::Label(label.into()),
            _ => return None,
        },
        "goto" => {
            // The label is found when all are known.
            Instruction::Goto {
                target: Target::End(Ending::Error),
                condition: text,
            }
        }
        "loop" if rest.is_empty() => Instruction::Goto {
            target: Target::Instruction(0),
            condition: text,
        },
        "return" | "returnq" => Instruction::Return { text, unquote },
        "error" | "errorq" => Instruction::Error { text, unquote },
        "end" | "exit" | "stop" if rest.is_empty() => Instruction::End(ending(name)?),
        _ => return None,
    })
}

fn variable(text: &str) -> Option<(String, String)> {
    let (name, rest) = shift_word(text);
    (!name.is_empty()).then(|| (name.into(), rest.into()))
}

fn ending(name: &str) -> Option<Ending> {
    Some(match name {
        "end" => Ending::End,
        "exit" => Ending::Exit,
        "stop" => Ending::Stop,
        "error" => Ending::Error,
        _ => return None,
    })
}

/// Finds the label that an instruction leads to: the first word of what it has for a condition.
fn resolve(instructions: &mut [Instruction], index: usize) -> Option<()> {
    let Instruction::Goto { condition, .. } = instructions.get(index)? else {
        return None;
    };
    let (label, rest) = shift_word(condition);
    let condition = rest.into();
    let target = find(instructions, label)?;
    *instructions.get_mut(index)? = Instruction::Goto { target, condition };
    Some(())
}

/// Where a label leads: to an instruction, or to the end.
pub(super) fn find(instructions: &[Instruction], label: &str) -> Option<Target> {
    let is_it = |instruction: &Instruction| matches!(instruction, Instruction::Label(name) if name == label);
    let found = instructions.iter().position(is_it);
    match (found, ending(label)) {
        (Some(index), _) => Some(Target::Instruction(index)),
        (None, Some(ending)) => Some(Target::End(ending)),
        (None, None) if matches!(label, "begin" | "loop") => Some(Target::Instruction(0)),
        (None, None) => None,
    }
}
