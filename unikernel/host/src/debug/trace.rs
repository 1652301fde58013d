//! Every instruction of a run, with what it did.
//!
//! An observer sees registers before each instruction: what an instruction did is known, and shown,
//! when the next one is about to be executed, or the run has ended.

use core::cell::RefCell;

use bpf_object::{AtomicOp, Image, Insn, Operand, Reg, Size, Wide};
use bpf_runtime::{Addresses, Fault, MapChange, Observer, Outcome, Registers};
use platform_click::{HelperId, ProgramKind};

use super::show::{self, Names};
use super::verdict_name;

/// Columns that an instruction takes before what it did.
const COLUMN: usize = 40;

/// Shows a run.
pub(super) struct Tracer<'a> {
    image: &'a Image,
    names: Names<'a>,
    out: &'a mut dyn FnMut(&str),
    /// The instruction that is being executed, and the registers before it.
    pending: Option<(u32, Registers)>,
    /// What helpers did meanwhile.
    notes: Vec<String>,
    /// The line of the source that was shown last.
    line: Option<(String, u32)>,
}

/// The tracer as the interpreter sees it.
pub(super) struct Watcher<'a, 'b>(pub(super) &'a RefCell<Tracer<'b>>);

impl Observer for Watcher<'_, '_> {
    fn step(&mut self, slot: u32, registers: &Registers) {
        self.0.borrow_mut().step(slot, registers);
    }
}

impl<'a> Tracer<'a> {
    pub(super) fn new(
        image: &'a Image,
        addresses: Addresses,
        out: &'a mut dyn FnMut(&str),
    ) -> Self {
        Self {
            image,
            names: Names::new(image, addresses),
            out,
            pending: None,
            notes: Vec::new(),
            line: None,
        }
    }

    /// A packet comes.
    pub(super) fn packet(&mut self, number: u64, len: usize) {
        (self.out)(&format!("packet {number}, {len} bytes"));
    }

    /// The program printed something.
    pub(super) fn note(&mut self, note: &str) {
        self.notes.push(note.into());
    }

    /// A helper changed a map.
    pub(super) fn change(&mut self, change: &MapChange<'_>) {
        let map = self.names.map(change.map);
        let value = change.value.map(show::bytes).unwrap_or_default();
        let key = show::bytes(change.key);
        self.notes.push(match change.helper {
            HelperId::MapUpdateElem => format!("{map}[{key}] = {value}"),
            HelperId::MapDeleteElem => format!("{map}[{key}] deleted"),
            HelperId::MapPopElem => format!("{value} taken out of {map}"),
            _ => format!("{value} added to {map}"),
        });
    }

    fn step(&mut self, slot: u32, registers: &Registers) {
        self.finish(Some((slot, registers)));
        self.pending = Some((slot, registers.clone()));
    }

    /// The run has ended.
    pub(super) fn end(&mut self, ran: &Result<Outcome, Fault>, kind: ProgramKind) {
        self.finish(None);
        (self.out)(&match ran {
            Ok(outcome) => format!(
                "verdict: {} after {} instructions",
                verdict_name(kind, outcome.value),
                outcome.instructions
            ),
            Err(fault) => format!("fault: {}", show::fault(self.image, fault)),
        });
    }

    /// Shows the pending instruction; `next` is what follows it.
    fn finish(&mut self, next: Option<(u32, &Registers)>) {
        let Some((slot, before)) = self.pending.take() else {
            return;
        };
        self.source(slot);
        let index = usize::try_from(slot).unwrap_or(usize::MAX);
        let Some(insn) = self.image.code().get(index).copied() else {
            return;
        };
        let mut effects = self.memory(insn, &before);
        if let Some((next_slot, after)) = next {
            effects.extend(self.flow(insn, slot, next_slot));
            effects.extend(self.registers(insn, &before, after));
        }
        effects.append(&mut self.notes);
        let text = insn.to_string();
        let line = match effects.is_empty() {
            true => format!("{slot:>6}: {text}"),
            false => format!("{slot:>6}: {text:<COLUMN$}  {}", effects.join(", ")),
        };
        (self.out)(&line);
    }

    /// The line of the source that the instruction comes from, when it is another one.
    fn source(&mut self, slot: u32) {
        let line = self.image.lines().get(slot);
        let place = line.map(|line| (line.file.to_string(), line.line));
        if let Some(line) = line.filter(|_| place != self.line) {
            let text = format!("{}:{}: {}", line.file, line.line, line.text.trim());
            (self.out)(&text);
        }
        self.line = place;
    }

    /// Memory that an instruction reaches, and the arguments of a call.
    fn memory(&self, insn: Insn, before: &Registers) -> Vec<String> {
        let at = |base: Reg, off: i16| {
            let address = before.get(base)?.wrapping_add_signed(off.into());
            Some(self.names.value(address))
        };
        let reached = |what: &str, size: Size, base, off| {
            let place = at(base, off).unwrap_or_else(|| "nowhere".into());
            format!("{what} {} of {place}", bytes(size))
        };
        match insn {
            Insn::Load {
                size, base, off, ..
            } => vec![reached("reads", size, base, off)],
            Insn::Store {
                size,
                base,
                off,
                src,
            } => {
                let value = match src {
                    Operand::Reg(register) => before.get(register),
                    Operand::Imm(number) => Some(i64::from(number).cast_unsigned()),
                };
                let value = value.map_or_else(
                    || "nothing".into(),
                    |value| self.names.value(cut(value, size)),
                );
                vec![format!("{} = {value}", reached("writes", size, base, off))]
            }
            Insn::Atomic {
                size,
                op,
                base,
                off,
                ..
            } => {
                let what = match op {
                    AtomicOp::Exchange | AtomicOp::CompareExchange => "exchanges",
                    _ => "updates",
                };
                vec![reached(what, size, base, off)]
            }
            Insn::CallHelper { id } => vec![self.call(id, before)],
            _ => Vec::new(),
        }
    }

    /// A call of a helper with its arguments.
    fn call(&self, id: u32, before: &Registers) -> String {
        let Some(spec) = HelperId::from_number(id).map(HelperId::spec) else {
            return String::new();
        };
        let registers = [Reg::R1, Reg::R2, Reg::R3, Reg::R4, Reg::R5];
        let arguments = spec.args.iter().zip(registers);
        let arguments = arguments.filter_map(|(_, register)| before.get(register));
        let arguments: Vec<String> = arguments.map(|value| self.names.value(value)).collect();
        format!("{}({})", spec.name, arguments.join(", "))
    }

    /// Where a branch led.
    fn flow(&self, insn: Insn, slot: u32, next: u32) -> Option<String> {
        match insn {
            Insn::Branch { .. } if next == slot.saturating_add(1) => Some("not taken".into()),
            Insn::Branch { .. } => Some("taken".into()),
            Insn::CallLocal { target } => {
                let functions = self.image.functions();
                let index = functions.binary_search_by_key(&target, |function| function.start);
                let function = index.ok().and_then(|index| functions.get(index))?;
                Some(format!("calls {}", function.name))
            }
            _ => None,
        }
    }

    /// Registers that hold something else now, or were set to what they held.
    fn registers(&self, insn: Insn, before: &Registers, after: &Registers) -> Vec<String> {
        let set = destination(insn);
        let registers = (0..=10).filter_map(Reg::new);
        let changed = registers.filter_map(|register| {
            let value = after.get(register)?;
            let differs = before.get(register) != Some(value);
            (differs || set == Some(register))
                .then(|| format!("{register} = {}", self.names.value(value)))
        });
        changed.collect()
    }
}

/// The register that an instruction sets, whatever to.
fn destination(insn: Insn) -> Option<Reg> {
    match insn {
        Insn::Alu { dst, .. }
        | Insn::MovSx { dst, .. }
        | Insn::Neg { dst, .. }
        | Insn::Swap { dst, .. }
        | Insn::Wide {
            dst,
            value: Wide::Number(_) | Wide::Map(_) | Wide::Data { .. },
        }
        | Insn::Load { dst, .. } => Some(dst),
        Insn::CallHelper { .. } => Some(Reg::R0),
        _ => None,
    }
}

fn bytes(size: Size) -> String {
    match size.bytes() {
        1 => "1 byte".into(),
        count => format!("{count} bytes"),
    }
}

/// What a store of this size keeps.
fn cut(value: u64, size: Size) -> u64 {
    let bits = size.bytes().saturating_mul(8);
    let bits = u32::try_from(bits).unwrap_or(64);
    value & u64::MAX.wrapping_shr(64_u32.saturating_sub(bits))
}
