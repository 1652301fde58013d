//! From an assertion that the engine could not prove to a cause in the reader's words.

mod registers;

use ::prevail::cfg::label::Label;
use ::prevail::crab::ebpf_domain::{EbpfDomain, VerificationError};
use ::prevail::crab::var_registry::VariableRegistry;
use ::prevail::ir::program::Program;
use ::prevail::ir::syntax::{
    AccessType, Assertion, BoundedLoopCount, Instruction, Reg, TypeConstraint, ValidAccess,
    ValidMapKeyValue, Value as Width,
};
use bpf_object::Image;

use self::registers::{facts, registers};
use crate::checks::map_name;
use crate::codes;
use crate::finding::Report;
use crate::flow::{Flat, Flow, Kinds, Value};
use crate::invariant::Invariant;
use crate::prevail::calls;

/// Explains the error that the engine found at `label`, where `pre` holds before the instruction.
pub(crate) fn explain(
    flow: &Flow<'_>,
    program: &Program,
    registry: &VariableRegistry,
    label: &Label,
    pre: &EbpfDomain,
    error: &VerificationError,
) -> Report {
    let message = error.message.as_str();
    // The engine's error is text that ends with the assertion in parentheses.
    let failing = program
        .assertions_at(label)
        .iter()
        .find(|assertion| message.ends_with(&format!("({assertion})")));
    let slot = u32::try_from(label.from).unwrap_or(0);
    let scene = Scene {
        image: flow.image(),
        slot,
        instruction: program.instruction_at(label),
        invariant: Invariant::new(pre, registry),
        held: flow.before(&calls(label), slot).map(|state| {
            core::array::from_fn(|number| {
                let number = u8::try_from(number).unwrap_or(u8::MAX);
                bpf_object::Reg::new(number).map_or_else(Value::default, |reg| state.get(reg))
            })
        }),
        message,
    };
    let mut report = match failing {
        Some(assertion) => scene.explain(assertion),
        None => scene.report(codes::REFUSED, "the engine refuses this instruction"),
    };
    report.related.sort_unstable();
    report.related.dedup();
    report.engine = Some(message.into());
    report.registers = registers(flow.image(), slot, scene.held.as_ref(), &scene.invariant);
    report.facts = facts(&scene.invariant);
    report
}

/// An instruction that the engine refuses, and what is known there.
struct Scene<'a> {
    image: &'a Image,
    slot: u32,
    instruction: &'a Instruction,
    /// What the engine knows.
    invariant: Invariant,
    /// What registers may hold, if the analysis before the engine reached the place.
    held: Option<[Value; 11]>,
    message: &'a str,
}

impl Scene<'_> {
    fn report(&self, code: platform_click::Code, cause: impl Into<String>) -> Report {
        Report::new(code, self.slot, cause)
    }

    /// What a register may hold.
    fn value(&self, register: Reg) -> Value {
        let held = self.held.as_ref();
        let value = held.and_then(|held| held.get(usize::from(register.v)));
        value.copied().unwrap_or_default()
    }

    fn explain(&self, assertion: &Assertion) -> Report {
        match assertion {
            Assertion::ValidAccess(access) => self.access(access),
            Assertion::TypeConstraint(constraint) => self.wrong_type(constraint),
            Assertion::ValidDivisor(divisor) => self.divisor(divisor.reg),
            Assertion::BoundedLoopCount(_) => self.report(
                codes::LOOP,
                format!(
                    "nothing shows that this loop ends within {} iterations",
                    BoundedLoopCount::LIMIT
                ),
            ),
            Assertion::ValidStore(store) => self.report(
                codes::POINTER_LEAK,
                format!(
                    "{} holds an address, which this stores where others can read it",
                    name(store.val)
                ),
            ),
            Assertion::ValidMapKeyValue(argument) => self.map_argument(argument),
            Assertion::ValidSize(size) => self.report(
                codes::ARGUMENT,
                format!("the size in {} may be zero or negative", name(size.reg)),
            ),
            Assertion::ValidMapType(_) => self.report(
                codes::ARGUMENT,
                "the helper does not take maps of this kind",
            ),
            Assertion::Addable(_) => self.report(codes::POINTER_TYPE, "two addresses are added"),
            Assertion::Comparable(comparable) => self.incomparable(comparable.r1, comparable.r2),
            _ => self.report(codes::REFUSED, "the engine refuses this instruction"),
        }
    }

    /// A memory access that may be out of bounds, or through null.
    fn access(&self, access: &ValidAccess) -> Report {
        let held = self.value(access.reg);
        let what = access_text(access);
        let message = self.message;
        if message.starts_with("Possible null access") {
            return self.null(held, format!("this {what}, which may be null"));
        }
        if message.starts_with("Cannot write to context pointer") {
            let cause = format!("this {what}, which overlaps `data` or `data_end`");
            return self.report(codes::CONTEXT_POINTER, cause);
        }
        if message.starts_with("Stack content is not numeric") {
            let cause = format!("this {what}, of which some were not written before");
            return self.report(codes::STACK_UNINITIALISED, cause);
        }
        if message.starts_with("Only pointers can be dereferenced") {
            let cause = format!("this {what}, but {} may hold a number", name(access.reg));
            return self.report(codes::POINTER_TYPE, cause);
        }
        self.out_of_bounds(held, access.reg, &what)
    }

    /// The memory follows from the limit that the message names, or else from the register.
    fn out_of_bounds(&self, held: Value, register: Reg, what: &str) -> Report {
        let message = self.message;
        let types = self.invariant.types(register.v);
        if message.contains("packet_size") || message.contains("meta_offset") {
            let known = match self.invariant.packet_size() {
                Some(0) | None => "nothing is known of the packet's length here".into(),
                Some(1) => "the packet is only known to have 1 byte here".into(),
                Some(size) => format!("the packet is only known to have {size} bytes here"),
            };
            let report = self.report(codes::PACKET_BOUNDS, format!("this {what}, but {known}"));
            return self.with_origin(report, held, "the packet pointer is loaded here");
        }
        if message.contains("stack") {
            let cause = format!("this {what}, which may lie outside of the stack frame");
            return self.report(codes::STACK_BOUNDS, cause);
        }
        if types.contains("ctx") {
            let cause = format!(
                "this {what}, outside of the context's {} bytes",
                platform_click::CONTEXT_SIZE
            );
            return self.report(codes::CONTEXT_BOUNDS, cause);
        }
        if types.contains("shared") {
            let size = self
                .invariant
                .interval(&format!("r{}.shared_region_size", register.v));
            let size = match size {
                Some((size, same)) if size == same => format!("the {size} bytes of "),
                _ => String::new(),
            };
            let region = self.region(held);
            let cause = format!("this {what}, which may lie outside of {size}{region}");
            let report = self.report(codes::MAP_VALUE_BOUNDS, cause);
            return self.with_origin(report, held, "the value is looked up here");
        }
        self.report(
            codes::REFUSED,
            format!("this {what}, which the engine refuses"),
        )
    }

    /// A map value or data section in words.
    fn region(&self, held: Value) -> String {
        if held.kinds.has(Kinds::DATA.or(Kinds::READ_ONLY)) {
            let index = held
                .region
                .one()
                .and_then(|index| usize::try_from(index).ok());
            let section = index.and_then(|index| self.image.data().get(index));
            return section.map_or_else(
                || "the data".into(),
                |section| format!("`{}`", section.name),
            );
        }
        format!("the map value{}", map_name(self.image, held.region))
    }

    fn null(&self, held: Value, cause: String) -> Report {
        let report = self.report(codes::NULL_VALUE, cause);
        let map = map_name(self.image, held.region);
        self.with_origin(
            report,
            held,
            &format!("this lookup{map} returns null when the key is absent"),
        )
    }

    /// Adds the place where a value was made, if there is one.
    fn with_origin(&self, report: Report, held: Value, label: &str) -> Report {
        match held.made {
            Flat::One(slot) => report.with(slot, label),
            Flat::None | Flat::Many => report,
        }
    }

    /// A register does not hold what the instruction needs.
    fn wrong_type(&self, constraint: &TypeConstraint) -> Report {
        let register = constraint.reg;
        let held = self.value(register);
        let wanted = Wanted::of(constraint);
        let text = name(register);
        if held.kinds.has(Kinds::STALE) && wanted != Wanted::Number {
            return self.stale(register, held);
        }
        if held.kinds.has(Kinds::FRAGMENT) {
            let cause = format!("{text} holds a part of a packet pointer, which is 64 bits wide");
            let report = self.report(codes::POINTER_LEAK, cause);
            return self.with_origin(report, held, "a part of the pointer is loaded here");
        }
        if held.kinds.has(Kinds::UNSET) || self.invariant.types(register.v).is_empty() {
            return self.unset(register, held);
        }
        let leaves = matches!(self.instruction, Instruction::Exit(_));
        let stores = matches!(self.instruction, Instruction::Mem(access) if !access.is_load);
        let calls = matches!(self.instruction, Instruction::Call(_));
        let (code, cause) = match wanted {
            Wanted::Number if leaves => (
                codes::POINTER_LEAK,
                "the return value may be an address".into(),
            ),
            Wanted::Number if stores => (
                codes::POINTER_LEAK,
                format!("{text} may hold an address, of which this stores a part"),
            ),
            Wanted::Number if calls => (
                codes::ARGUMENT,
                format!("the helper takes a number in {text}, which may hold an address"),
            ),
            Wanted::Number => (
                codes::POINTER_TYPE,
                format!(
                    "this takes a number, but {text} may hold {}",
                    list(held.kinds.addresses())
                ),
            ),
            Wanted::Map => (
                codes::ARGUMENT,
                format!(
                    "the helper takes a map in {text}, which may hold {}",
                    list(held.kinds)
                ),
            ),
            Wanted::Address if calls => (
                codes::ARGUMENT,
                format!(
                    "the helper takes an address in {text}, which may hold {}",
                    list(held.kinds)
                ),
            ),
            Wanted::Address => (
                codes::POINTER_TYPE,
                format!(
                    "this takes an address, but {text} may hold {}",
                    list(held.kinds)
                ),
            ),
        };
        self.report(code, cause)
    }

    /// A packet pointer from before the packet may have moved.
    fn stale(&self, register: Reg, held: Value) -> Report {
        let cause = format!(
            "{} points into the packet as it was before `bpf_packet_add_space`",
            name(register)
        );
        let report = self.report(codes::STALE_PACKET, cause);
        let report = self.with_origin(report, held, "the packet pointer is loaded here");
        match held.lost {
            Flat::One(call) => report.with(call, "this call may move the packet"),
            Flat::None | Flat::Many => report,
        }
    }

    /// A register without a value.
    fn unset(&self, register: Reg, held: Value) -> Report {
        let text = name(register);
        let cause = match (self.instruction, held.lost) {
            (Instruction::Exit(_), _) => "the program ends without a return value".into(),
            (Instruction::Call(_), Flat::One(_)) => {
                format!("the helper takes an argument in {text}, which a call before has emptied")
            }
            (Instruction::Call(_), _) => {
                format!("the helper takes an argument in {text}, which has no value on some path")
            }
            (_, Flat::One(_)) => format!("{text} is used, which a call before has emptied"),
            _ => format!("{text} is used, which has no value on some path"),
        };
        let report = self.report(codes::UNINITIALISED_REGISTER, cause);
        match held.lost {
            Flat::One(call) => report.with(call, "calls do not preserve r1 to r5"),
            Flat::None | Flat::Many => report,
        }
    }

    fn divisor(&self, register: Reg) -> Report {
        let text = name(register);
        if self.message.starts_with("Possible division") {
            let cause = format!("the divisor in {text} may be zero");
            self.report(codes::DIVISION_BY_ZERO, cause)
        } else {
            let cause = format!("the divisor in {text} may be an address");
            self.report(codes::POINTER_TYPE, cause)
        }
    }

    fn incomparable(&self, left: Reg, right: Reg) -> Report {
        for register in [left, right] {
            let held = self.value(register);
            if held.kinds.has(Kinds::STALE) {
                return self.stale(register, held);
            }
            if held.kinds.has(Kinds::UNSET) {
                return self.unset(register, held);
            }
        }
        let cause = format!(
            "{} and {} are compared or subtracted, but may not point into the same memory",
            name(left),
            name(right)
        );
        self.report(codes::POINTER_TYPE, cause)
    }

    /// A key or value that a helper is to read.
    fn map_argument(&self, argument: &ValidMapKeyValue) -> Report {
        let text = name(argument.access_reg);
        let held = self.value(argument.access_reg);
        let message = self.message;
        let what = if argument.key { "key" } else { "value" };
        let map = map_name(self.image, self.value(argument.map_fd_reg).region);
        if message.starts_with("Illegal map update") {
            let cause = format!(
                "the helper reads a {what}{map} at {text}, of which some bytes were not written"
            );
            return self.report(codes::STACK_UNINITIALISED, cause);
        }
        if message.starts_with("Array index") {
            let cause = format!("the index{map} at {text} may not be below `max_entries`");
            return self.report(codes::ARGUMENT, cause);
        }
        if message.starts_with("Possible null access") {
            return self.null(
                held,
                format!("the helper reads a {what}{map} at {text}, which may be null"),
            );
        }
        if message.starts_with("Only stack, packet, or shared") {
            let cause = format!(
                "the helper reads a {what}{map} at {text}, which may hold {}",
                list(held.kinds)
            );
            return self.report(codes::ARGUMENT, cause);
        }
        if message.contains("ound must be") {
            return self.out_of_bounds(
                held,
                argument.access_reg,
                &format!("reads a {what}{map} at {text}"),
            );
        }
        let cause = format!("{text} does not point to a {what}{map} that the helper can read");
        self.report(codes::ARGUMENT, cause)
    }
}

/// What an instruction needs a register to hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Number,
    Map,
    Address,
}

impl Wanted {
    /// The engine's group of types by its name, since the type itself is private to the engine.
    fn of(constraint: &TypeConstraint) -> Self {
        match constraint.types.to_string().as_str() {
            "number" => Self::Number,
            "map_fd" => Self::Map,
            _ => Self::Address,
        }
    }
}

/// `reads 4 bytes at r1 + 12` and the like.
fn access_text(access: &ValidAccess) -> String {
    let verb = match access.access_type {
        AccessType::Read => "reads",
        AccessType::Write => "writes",
        AccessType::Compare => "compares",
    };
    let bytes = match access.width {
        Width::Imm(width) if width.v == 1 => " 1 byte at".into(),
        Width::Imm(width) if width.v == 0 => String::new(),
        Width::Imm(width) => format!(" {} bytes at", width.v),
        Width::Reg(size) => format!(" as many bytes as {} says at", name(size)),
    };
    let register = name(access.reg);
    let place = match access.offset {
        0 => register,
        offset if offset > 0 => format!("{register} + {offset}"),
        offset => format!("{register} - {}", offset.unsigned_abs()),
    };
    format!("{verb}{bytes} {place}")
}

/// Kinds of value as a list in words.
fn list(kinds: Kinds) -> String {
    match kinds.names().as_slice() {
        [] => "anything".into(),
        [one] => (*one).into(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

fn name(register: Reg) -> String {
    format!("r{}", register.v)
}

#[cfg(test)]
mod tests;
