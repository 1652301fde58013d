//! What the registers that an instruction uses hold, in plain form.

use bpf_object::{Image, Insn, Operand, Reg};
use platform_click::HelperId;

use crate::checks::map_name;
use crate::flow::{Flat, Kinds, Value};
use crate::invariant::Invariant;

/// Facts of the engine that are kept of one place, and characters of each: a screen or two.
const MAX_FACTS: usize = 200;
const MAX_FACT: usize = 160;

/// The registers that the instruction in `slot` reads, each with what it may hold.
pub(super) fn registers(
    image: &Image,
    slot: u32,
    held: Option<&[Value; 11]>,
    invariant: &Invariant,
) -> Vec<String> {
    let insn = usize::try_from(slot)
        .ok()
        .and_then(|slot| image.code().get(slot));
    let read = insn.map_or_else(Vec::new, |insn| read(*insn));
    read.into_iter()
        .map(|register| {
            let value = held.and_then(|held| held.get(register.index()).copied());
            let value = value.unwrap_or_default();
            format!(
                "{register}: {}",
                describe(image, register, value, invariant)
            )
        })
        .collect()
}

/// Everything that the engine knows before the instruction, in its own notation.
pub(super) fn facts(invariant: &Invariant) -> Vec<String> {
    let mut facts: Vec<String> = invariant
        .facts()
        .take(MAX_FACTS)
        .map(|fact| fact.chars().take(MAX_FACT).collect())
        .collect();
    facts.sort_unstable();
    facts
}

/// The registers that an instruction reads.
fn read(insn: Insn) -> Vec<Reg> {
    let operand = |operand| match operand {
        Operand::Reg(register) => Some(register),
        Operand::Imm(_) => None,
    };
    let registers: Vec<Option<Reg>> = match insn {
        Insn::Alu {
            op: bpf_object::AluOp::Mov,
            src,
            ..
        } => vec![operand(src)],
        Insn::Alu { dst, src, .. } | Insn::Branch { dst, src, .. } => {
            vec![Some(dst), operand(src)]
        }
        Insn::MovSx { src, .. } => vec![Some(src)],
        Insn::Neg { dst, .. } | Insn::Swap { dst, .. } => vec![Some(dst)],
        Insn::Load { base, .. } => vec![Some(base)],
        Insn::Store { base, src, .. } => vec![Some(base), operand(src)],
        Insn::Atomic { base, src, .. } => vec![Some(base), Some(src)],
        Insn::CallHelper { id } => {
            let arguments = HelperId::from_number(id).map_or(0, |id| id.spec().args.len());
            let registers = [Reg::R1, Reg::R2, Reg::R3, Reg::R4, Reg::R5];
            registers.into_iter().take(arguments).map(Some).collect()
        }
        Insn::Exit => vec![Some(Reg::R0)],
        _ => vec![],
    };
    let mut read: Vec<Reg> = registers.into_iter().flatten().collect();
    read.dedup();
    read
}

/// What a register may hold: by the engine's types and bounds, and what the analysis before it knows
/// better (which map it is; that a packet pointer is stale).
fn describe(image: &Image, register: Reg, held: Value, invariant: &Invariant) -> String {
    let kinds = held.kinds;
    if kinds.has(Kinds::STALE) {
        return "packet pointer from before the packet may have moved".into();
    }
    let number = register.number();
    let within = |variable: &str| invariant.interval(&format!("r{number}.{variable}"));
    match invariant.types(number) {
        "" => "no value on some path".into(),
        "packet" => {
            let checked = invariant.packet_size().unwrap_or(0);
            let at = within("packet_offset").map_or_else(|| " at an unknown offset".into(), offset);
            format!("packet pointer{at}, checked up to +{checked}")
        }
        "number" => match within("svalue").or_else(|| within("uvalue")) {
            Some((low, high)) if low == high => format!("the number {low}"),
            Some((low, high)) => format!("a number from {low} to {high}"),
            None => "any number".into(),
        },
        "ctx" => format!(
            "the context{}",
            within("ctx_offset").map_or_else(String::new, offset)
        ),
        "stack" => match held.offset {
            Flat::One(at) => format!("stack pointer, frame pointer{}", offset((at, at))),
            Flat::None | Flat::Many => "stack pointer".into(),
        },
        "shared" => {
            let region = if kinds.has(Kinds::DATA.or(Kinds::READ_ONLY)) {
                "data".to_owned()
            } else {
                format!("map value{}", map_name(image, held.region))
            };
            let null = if kinds.has(Kinds::NULLABLE) {
                " or null"
            } else {
                ""
            };
            let at = within("shared_offset").map_or_else(String::new, offset);
            let size = match within("shared_region_size") {
                Some((size, same)) if size == same => format!(", of {size} bytes"),
                _ => String::new(),
            };
            format!("{region}{null}{at}{size}")
        }
        "map_fd" => format!("the map{}", map_name(image, held.region).replace(" in", "")),
        types => {
            let types = types.trim_matches(|c| c == '{' || c == '}');
            format!("one of {}", types.replace("ctx", "context"))
        }
    }
}

/// ` +14`, ` -8` or ` +0 to +63`.
fn offset((low, high): (i64, i64)) -> String {
    if low == high {
        format!(" {low:+}")
    } else {
        format!(" {low:+} to {high:+}")
    }
}
