//! One connection to a ControlSocket: lines in, answers out (`ControlSocket` protocol 1.3 of Click).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::element::Context;
use crate::handlers::HandlerError;
use crate::language::shift_word;

/// What the server says first.
pub(super) const BANNER: &str = "Click::ControlSocket/1.3\r\n";

/// Bytes of a line, and of data behind one, that are taken before they are complete.
const MAX_INPUT: usize = 1 << 20;

const OK: u16 = 200;
const SYNTAX: u16 = 500;
const UNKNOWN_COMMAND: u16 = 501;
const NO_ELEMENT: u16 = 510;
const NO_HANDLER: u16 = 511;
const HANDLER_ERROR: u16 = 520;
const PERMISSION: u16 = 530;

/// The state of a connection.
#[derive(Debug, Default)]
pub(super) struct Session {
    input: Vec<u8>,
    /// A command that waits for data.
    waiting: Option<Waiting>,
    closed: bool,
}

#[derive(Debug)]
struct Waiting {
    write: bool,
    handler: String,
    data: Data,
}

#[derive(Debug)]
enum Data {
    /// So many bytes.
    Bytes(usize),
    /// Lines, until one that is equal to this.
    Until(String, String),
}

impl Session {
    /// Whether the connection is to be closed once its answers are out.
    pub(super) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Takes bytes, and gives the answers to the commands that are complete.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        read_only: bool,
        context: &mut Context<'_>,
    ) -> String {
        let mut out = String::new();
        if self.closed {
            return out;
        }
        self.input.extend_from_slice(bytes);
        while !self.closed && self.step(read_only, context, &mut out) {}
        if self.input.len() > MAX_INPUT {
            answer(&mut out, SYNTAX, "Too much data");
            self.closed = true;
        }
        out
    }

    /// Carries out what is complete. False if nothing is.
    fn step(&mut self, read_only: bool, context: &mut Context<'_>, out: &mut String) -> bool {
        if let Some(Waiting {
            data: Data::Bytes(count),
            ..
        }) = &self.waiting
        {
            let count = *count;
            if self.input.len() < count {
                return false;
            }
            let rest = self.input.split_off(count);
            let data = core::mem::replace(&mut self.input, rest);
            let data = String::from_utf8_lossy(&data).into_owned();
            self.complete(&data, read_only, context, out);
            return true;
        }
        let Some(line) = self.line() else {
            return false;
        };
        let Some(Waiting {
            data: Data::Until(end, text),
            ..
        }) = &mut self.waiting
        else {
            self.command(&line, read_only, context, out);
            return true;
        };
        if line.trim_end() != end {
            text.push_str(&line);
            text.push('\n');
            return true;
        }
        let text = core::mem::take(text);
        self.complete(&text, read_only, context, out);
        true
    }

    /// The next line, which ends with CR, LF or both.
    fn line(&mut self) -> Option<String> {
        let end = self
            .input
            .iter()
            .position(|byte| matches!(byte, b'\r' | b'\n'))?;
        let behind = self.input.get(end..)?;
        let ending = match behind {
            // More may belong to the end of this line.
            [b'\r', b'\n', ..] => 2,
            _ => 1,
        };
        let rest = self.input.split_off(end.saturating_add(ending));
        let mut line = core::mem::replace(&mut self.input, rest);
        line.truncate(end);
        Some(String::from_utf8_lossy(&line).into_owned())
    }

    fn command(
        &mut self,
        line: &str,
        read_only: bool,
        context: &mut Context<'_>,
        out: &mut String,
    ) {
        let (command, rest) = shift_word(line);
        let command = command.to_ascii_uppercase();
        let (handler, arguments) = shift_word(rest);
        match command.as_str() {
            "" => {}
            "READ" | "GET" if !handler.is_empty() => read(handler, arguments, context, out),
            "WRITE" | "SET" if !handler.is_empty() => {
                write(handler, arguments, read_only, context, out);
            }
            "READDATA" | "WRITEDATA" | "SETDATA" => match arguments.trim().parse() {
                Ok(count) if count <= MAX_INPUT && !handler.is_empty() => {
                    self.wait(&command, handler, Data::Bytes(count));
                }
                _ => answer(out, SYNTAX, &format!("Syntax error in '{command}'")),
            },
            "READUNTIL" | "WRITEUNTIL" if !handler.is_empty() => {
                let end = arguments.trim_end().into();
                self.wait(&command, handler, Data::Until(end, String::new()));
            }
            "CHECKREAD" | "CHECKWRITE" if !handler.is_empty() => {
                check(handler, command == "CHECKWRITE", read_only, context, out);
            }
            "HELP" => out.push_str(HELP),
            "QUIT" | "CLOSE" => {
                answer(out, OK, "Goodbye!");
                self.closed = true;
            }
            "READ" | "GET" | "WRITE" | "SET" | "READUNTIL" | "WRITEUNTIL" | "CHECKREAD"
            | "CHECKWRITE" => answer(out, SYNTAX, "Wrong number of arguments"),
            _ => {
                let text = format!("Command '{command}' unimplemented");
                answer(out, UNKNOWN_COMMAND, &text);
            }
        }
    }

    fn wait(&mut self, command: &str, handler: &str, data: Data) {
        self.waiting = Some(Waiting {
            write: !command.starts_with("READ"),
            handler: handler.into(),
            data,
        });
    }

    fn complete(
        &mut self,
        data: &str,
        read_only: bool,
        context: &mut Context<'_>,
        out: &mut String,
    ) {
        let Some(Waiting {
            write: is_write,
            handler,
            ..
        }) = self.waiting.take()
        else {
            return;
        };
        if is_write {
            write(&handler, data, read_only, context, out);
        } else {
            read(&handler, data, context, out);
        }
    }
}

fn read(handler: &str, parameters: &str, context: &mut Context<'_>, out: &mut String) {
    let name = context.handler_name(handler, |_| false);
    let value = name.and_then(|name| context.read_named(&name, parameters));
    match value {
        Ok(value) => {
            answer(out, OK, &format!("Read handler '{handler}' OK"));
            out.push_str(&format!("DATA {}\r\n{value}", value.len()));
        }
        Err(error) => refuse(out, "Read", handler, &error),
    }
}

fn write(handler: &str, value: &str, read_only: bool, context: &mut Context<'_>, out: &mut String) {
    if read_only {
        answer(
            out,
            PERMISSION,
            &format!("Permission denied for '{handler}'"),
        );
        return;
    }
    let name = context.handler_name(handler, |_| false);
    let written = name.and_then(|name| context.write_named(&name, value));
    match written {
        Ok(()) => answer(out, OK, &format!("Write handler '{handler}' OK")),
        Err(error) => refuse(out, "Write", handler, &error),
    }
}

fn check(
    handler: &str,
    for_writing: bool,
    read_only: bool,
    context: &mut Context<'_>,
    out: &mut String,
) {
    let name = context.handler_name(handler, |_| false);
    let found = name.and_then(|name| context.look_up(&name));
    let (what, able) = if for_writing {
        ("Write", "writable")
    } else {
        ("Read", "readable")
    };
    match found {
        Ok(_) if for_writing && read_only => {
            answer(
                out,
                PERMISSION,
                &format!("Permission denied for '{handler}'"),
            );
        }
        Ok(found) if (for_writing && found.writable) || (!for_writing && found.readable) => {
            answer(out, OK, &format!("{what} handler '{handler}' OK"));
        }
        Ok(_) => answer(out, NO_HANDLER, &format!("Handler '{handler}' not {able}")),
        Err(error) => refuse(out, what, handler, &error),
    }
}

/// Says why a handler did not do what it was asked to.
fn refuse(out: &mut String, what: &str, handler: &str, error: &HandlerError) {
    match error {
        HandlerError::Form(_) => answer(out, SYNTAX, &format!("Bad handler name '{handler}'")),
        HandlerError::Element { name, .. } => {
            answer(out, NO_ELEMENT, &format!("No element named '{name}'"));
        }
        HandlerError::Handler { .. } => {
            answer(out, NO_HANDLER, &format!("No handler named '{handler}'"));
        }
        HandlerError::NotReadable { .. } => {
            answer(out, PERMISSION, &format!("Handler '{handler}' write-only"));
        }
        HandlerError::NotWritable { .. } => {
            answer(out, PERMISSION, &format!("Handler '{handler}' read-only"));
        }
        error => {
            out.push_str(&format!(
                "{HANDLER_ERROR}-{what} handler '{handler}' error:\r\n"
            ));
            let text = error.to_string();
            let lines: Vec<&str> = text.lines().collect();
            let (last, before) = lines.split_last().unwrap_or((&"", &[]));
            for line in before {
                out.push_str(&format!("{HANDLER_ERROR}-{line}\r\n"));
            }
            answer(out, HANDLER_ERROR, last);
        }
    }
}

fn answer(out: &mut String, code: u16, text: &str) {
    out.push_str(&format!("{code} {text}\r\n"));
}

const HELP: &str = "200-Commands supported:\r
200-READ handler [arg...]   call read handler, return DATA\r
200-READDATA handler len    call read handler with len data bytes, return DATA\r
200-READUNTIL handler term  call read handler, take data until term, return DATA\r
200-WRITE handler [arg...]  call write handler\r
200-WRITEDATA handler len   call write handler, pass len data bytes\r
200-WRITEUNTIL handler term call write handler, take data until term\r
200-CHECKREAD handler       check if read handler is valid\r
200-CHECKWRITE handler      check if write handler is valid\r
200 QUIT                    close connection\r
";
