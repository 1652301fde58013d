//! From an assertion that the engine could not prove to a cause in the reader's words.

use core::fmt;

use ::prevail::cfg::label::Label;
use ::prevail::crab::ebpf_domain::{EbpfDomain, VerificationError};
use ::prevail::crab::var_registry::VariableRegistry;
use ::prevail::ir::program::Program;
use ::prevail::ir::syntax::{AccessType, Assertion, Instruction, Reg, ValidAccess, Value};
use platform_click::Code;

use crate::codes;
use crate::finding::Report;

/// Explains the error that the engine found at `label`, where `pre` holds before the instruction.
pub(crate) fn explain(
    program: &Program,
    registry: &VariableRegistry,
    label: &Label,
    pre: &EbpfDomain,
    error: &VerificationError,
) -> Report {
    let slot = u32::try_from(label.from).unwrap_or(0);
    let instruction = program.instruction_at(label);
    // The engine's error is text that ends with the assertion in parentheses.
    let failing = program
        .assertions_at(label)
        .iter()
        .find(|assertion| error.message.ends_with(&format!("({assertion})")));
    let types = Types::new(pre, registry);
    let message = error.message.as_str();
    let (code, cause) = match failing {
        Some(assertion) => classify(assertion, instruction, &types, message),
        None => (codes::REFUSED, "the engine refuses the instruction".into()),
    };
    Report {
        code,
        slot,
        cause,
        engine: Some(message.into()),
        related: Vec::new(),
    }
}

/// What the engine knows of the registers' types.
struct Types {
    /// `r1.type=packet`, `r1.type in {number, packet}` and the like.
    facts: Vec<String>,
}

impl Types {
    fn new(pre: &EbpfDomain, registry: &VariableRegistry) -> Self {
        let invariant = pre.to_set(registry);
        let facts = if invariant.is_bottom() {
            Vec::new()
        } else {
            invariant.value().iter().cloned().collect()
        };
        Self { facts }
    }

    /// The types that the register may have; empty when the engine knows nothing of it.
    fn of(&self, register: Reg) -> &str {
        let prefix = format!("r{}.type", register.v);
        self.facts
            .iter()
            .find_map(|fact| fact.strip_prefix(prefix.as_str()))
            .map_or("", |rest| {
                rest.trim_start_matches('=').trim_start_matches(" in ")
            })
    }

    fn may_be(&self, register: Reg, name: &str) -> bool {
        self.of(register).contains(name)
    }
}

fn classify(
    assertion: &Assertion,
    instruction: &Instruction,
    types: &Types,
    message: &str,
) -> (Code, String) {
    match assertion {
        Assertion::ValidAccess(access) => invalid_access(access, types, message),
        Assertion::TypeConstraint(constraint) => wrong_type(
            constraint.reg,
            Wanted::of(&constraint.types),
            instruction,
            types,
        ),
        Assertion::ValidDivisor(divisor) if message.starts_with("Possible division") => (
            codes::DIVISION_BY_ZERO,
            format!("the divisor in {} may be zero", name(divisor.reg)),
        ),
        Assertion::ValidDivisor(divisor) => (
            codes::POINTER_TYPE,
            format!("the divisor in {} may be an address", name(divisor.reg)),
        ),
        Assertion::BoundedLoopCount(_) => (
            codes::LOOP,
            "nothing shows that this loop ends within 100000 iterations".into(),
        ),
        Assertion::ValidStore(store) => (
            codes::POINTER_LEAK,
            format!(
                "the address in {} would be stored where others can read it",
                name(store.val)
            ),
        ),
        Assertion::ValidMapKeyValue(argument) => {
            let what = if argument.key { "key" } else { "value" };
            map_argument(argument.access_reg, what, message)
        }
        Assertion::ValidSize(size) => (
            codes::ARGUMENT,
            format!("the size in {} may be zero or negative", name(size.reg)),
        ),
        Assertion::ValidMapType(_) => (
            codes::ARGUMENT,
            "the helper does not take maps of this kind".into(),
        ),
        Assertion::Addable(_) => (codes::POINTER_TYPE, "two addresses are added".into()),
        Assertion::Comparable(comparable) => (
            codes::POINTER_TYPE,
            format!(
                "{} and {} are compared or subtracted, but may point into different memory",
                name(comparable.r1),
                name(comparable.r2)
            ),
        ),
        _ => (codes::REFUSED, "the engine refuses the instruction".into()),
    }
}

fn invalid_access(access: &ValidAccess, types: &Types, message: &str) -> (Code, String) {
    let register = name(access.reg);
    let verb = match access.access_type {
        AccessType::Read => "read",
        AccessType::Write => "written",
        AccessType::Compare => "compared",
    };
    let bytes = match access.width {
        Value::Imm(width) if width.v == 1 => "1 byte".to_owned(),
        Value::Imm(width) => format!("{} bytes", width.v),
        Value::Reg(size) => format!("as many bytes as {} says", name(size)),
    };
    let place = match access.offset {
        0 => register.clone(),
        offset if offset > 0 => format!("{register} + {offset}"),
        offset => format!("{register} - {}", offset.unsigned_abs()),
    };
    let reached = format!("{bytes} at {place}");
    if message.starts_with("Possible null access") {
        return (
            codes::NULL_VALUE,
            format!("the pointer in {register} may be null where {reached} are {verb}"),
        );
    }
    if message.starts_with("Cannot write to context pointer") {
        return (
            codes::CONTEXT_POINTER,
            format!("{reached} are written, which overlaps `data` or `data_end`"),
        );
    }
    if message.starts_with("Stack content is not numeric") {
        return (
            codes::STACK_UNINITIALISED,
            format!("{reached} are {verb}, of which some may not have been written"),
        );
    }
    if message.starts_with("Only pointers can be dereferenced") {
        return (
            codes::POINTER_TYPE,
            format!("{register} may hold a number, not an address, where {reached} are {verb}"),
        );
    }
    // What remains are bounds; the memory follows from the limit that the message names.
    if message.contains("packet_size") || message.contains("meta_offset") {
        (
            codes::PACKET_BOUNDS,
            format!("{reached} are {verb}, which may lie outside of the packet"),
        )
    } else if message.contains("stack") {
        (
            codes::STACK_BOUNDS,
            format!("{reached} are {verb}, which may lie outside of the stack"),
        )
    } else if types.may_be(access.reg, "ctx") {
        (
            codes::CONTEXT_BOUNDS,
            format!("{reached} are {verb}, which may lie outside of the context"),
        )
    } else if types.may_be(access.reg, "shared") {
        (
            codes::MAP_VALUE_BOUNDS,
            format!("{reached} are {verb}, which may lie outside of the map value or data"),
        )
    } else {
        (
            codes::REFUSED,
            format!("{reached} are {verb}, which the engine refuses"),
        )
    }
}

/// What an instruction needs a register to hold.
#[derive(Clone, Copy)]
enum Wanted {
    Number,
    Map,
    Address,
}

impl Wanted {
    /// The engine's group of types by its name, since the type itself is private to the engine.
    fn of(group: &impl fmt::Display) -> Self {
        match group.to_string().as_str() {
            "number" => Self::Number,
            "map_fd" => Self::Map,
            _ => Self::Address,
        }
    }
}

fn wrong_type(
    register: Reg,
    wanted: Wanted,
    instruction: &Instruction,
    types: &Types,
) -> (Code, String) {
    let held = types.of(register);
    let text = name(register);
    let returns = matches!(instruction, Instruction::Exit(_));
    if held.is_empty() {
        let cause = if returns {
            "the program ends without a return value on some path".into()
        } else {
            format!("{text} has no value on some path")
        };
        return (codes::UNINITIALISED_REGISTER, cause);
    }
    if returns {
        return (
            codes::POINTER_LEAK,
            "the return value may be an address".into(),
        );
    }
    let stores = matches!(instruction, Instruction::Mem(access) if !access.is_load);
    let passes = matches!(instruction, Instruction::Call(_));
    match wanted {
        Wanted::Number if stores => (
            codes::POINTER_LEAK,
            format!("{text} may hold an address, which is stored in part"),
        ),
        Wanted::Number if passes => (
            codes::ARGUMENT,
            format!("{text} may hold an address where the helper takes a number"),
        ),
        Wanted::Number => (
            codes::POINTER_TYPE,
            format!("{text} may hold an address where a number is needed"),
        ),
        Wanted::Map => (
            codes::ARGUMENT,
            format!("{text} does not hold a map where the helper takes one"),
        ),
        _ if passes => (
            codes::ARGUMENT,
            format!("{text} may not hold an address where the helper takes one"),
        ),
        _ => (
            codes::POINTER_TYPE,
            format!("{text} may not hold an address that can be used here"),
        ),
    }
}

fn map_argument(register: Reg, what: &str, message: &str) -> (Code, String) {
    let text = name(register);
    if message.starts_with("Illegal map update with a non-numerical value") {
        (
            codes::STACK_UNINITIALISED,
            format!("the {what} that {text} points to may not have been written as a whole"),
        )
    } else if message.starts_with("Array index") {
        (
            codes::ARGUMENT,
            format!("the index that {text} points to may not be below the array's `max_entries`"),
        )
    } else if message.starts_with("Possible null access") {
        (
            codes::NULL_VALUE,
            format!("{text} may be null where the helper takes a {what}"),
        )
    } else if message.contains("packet_size") || message.contains("meta_offset") {
        (
            codes::PACKET_BOUNDS,
            format!("the {what} that {text} points to may lie outside of the packet"),
        )
    } else if message.contains("shared_region_size") || message.contains("Lower bound") {
        (
            codes::MAP_VALUE_BOUNDS,
            format!("the {what} that {text} points to may lie outside of a map value or data"),
        )
    } else {
        (
            codes::ARGUMENT,
            format!("{text} does not point to a {what} that the helper can read"),
        )
    }
}

fn name(register: Reg) -> String {
    format!("r{}", register.v)
}
