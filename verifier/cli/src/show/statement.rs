//! A statement: what is said of an object and its programs.

use core::fmt::Write as _;

use bpf_statement::{Loop, LoopMethod, Program, Statement};
use serde_json::{Value, json};

use super::Table;

/// The statement for people, each line after two spaces.
pub(crate) fn text(statement: &Statement) -> String {
    let claims = statement.claims();
    let mut text = String::new();
    let mut field = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<13}{value}");
    };
    field("name", claims.name.to_string());
    field("counter", claims.counter.to_string());
    field("object", format!("sha256 {}", claims.object));
    field(
        "platform",
        format!("{} (slice {:.16})", claims.platform, claims.slice),
    );
    field("issued", claims.issued_at.to_string());
    field("expires", claims.expires_at.to_string());
    field("engines", engines(statement).join(", "));
    field("sandbox", claims.sandbox.to_string());
    field("termination", claims.termination.to_string());
    let trial = &claims.trial;
    field(
        "trial",
        format!(
            "{} runs, {} instructions, {} of {} branch directions",
            trial.runs, trial.instructions, trial.branches_taken, trial.branches
        ),
    );
    field("tool", claims.tool.to_string());
    text.push_str(&programs(statement.programs()).render(2));
    for program in statement.programs() {
        for item in &program.loops {
            let bound = match item.method {
                LoopMethod::Fuel => "ended by fuel".to_owned(),
                _ => at_most(item.bound),
            };
            let Loop { slot, method, .. } = item;
            let _ = writeln!(
                text,
                "  `{}`, loop at slot {slot}: {bound} ({method})",
                program.name
            );
        }
    }
    text
}

/// How often a loop runs, as an upper bound.
pub(crate) fn at_most(bound: u64) -> String {
    format!("at most {bound} iterations each time that it is entered")
}

/// One row for each program.
pub(crate) fn programs(programs: &[Program]) -> Table {
    let mut table = Table::new(&[
        "program",
        "kind",
        "image",
        "slots",
        "runs at most",
        "calls at most",
        "stack",
        "loops",
        "returns",
        "helpers",
        "maps",
    ]);
    for program in programs {
        table.row([
            program.name.to_string(),
            program.kind.to_string(),
            format!("{:.16}", program.image),
            program.instructions.to_string(),
            program
                .worst_case_instructions
                .map_or_else(|| "-".to_owned(), |most| most.to_string()),
            calls(program),
            program.max_stack.to_string(),
            match program.max_loop_count {
                Some(0) => "none".to_owned(),
                Some(count) => format!("<= {count}"),
                None => "fuel".to_owned(),
            },
            format!("{}..={}", program.exit.min, program.exit.max),
            list(
                program
                    .helpers
                    .iter()
                    .map(|helper| helper.spec().id.to_string()),
            ),
            list(
                program
                    .maps
                    .iter()
                    .map(|map| format!("{} ({})", map.name, map.kind)),
            ),
        ]);
    }
    table
}

/// Calls of helpers in a run, and how many of them change a map.
fn calls(program: &Program) -> String {
    match (
        program.worst_case_helper_calls,
        program.worst_case_map_updates,
    ) {
        (None, _) => "-".to_owned(),
        (Some(calls), None | Some(0)) => calls.to_string(),
        (Some(calls), Some(updates)) => format!("{calls} ({updates} updates)"),
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        "-".to_owned()
    } else {
        items.join(", ")
    }
}

fn engines(statement: &Statement) -> Vec<String> {
    let engines = &statement.claims().engines;
    engines
        .iter()
        .map(|engine| format!("{} {}", engine.name, engine.version))
        .collect()
}

/// The statement as JSON; every field of `docs/formats.md`, by name.
pub(crate) fn json(statement: &Statement) -> Value {
    let claims = statement.claims();
    let profile: serde_json::Map<String, Value> = claims
        .profile
        .options()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    json!({
        "name": claims.name.as_str(),
        "counter": claims.counter,
        "object_sha256": claims.object.to_string(),
        "platform": claims.platform.as_str(),
        "platform_slice_sha256": claims.slice.to_string(),
        "profile": profile,
        "engines": claims.engines.iter().map(|engine| json!({
            "name": engine.name.as_str(),
            "version": engine.version.to_string(),
        })).collect::<Vec<_>>(),
        "sandbox": claims.sandbox.name(),
        "termination": claims.termination.name(),
        "trial": {
            "runs": claims.trial.runs,
            "instructions": claims.trial.instructions,
            "seed": claims.trial.seed,
            "branches_taken": claims.trial.branches_taken,
            "branches": claims.trial.branches,
            "max_runs": claims.trial.max_runs,
            "max_time_ms": claims.trial.max_time_ms,
        },
        "programs": statement.programs().iter().map(program_json).collect::<Vec<_>>(),
        "issued_at": claims.issued_at.to_string(),
        "expires_at": claims.expires_at.to_string(),
        "tool": claims.tool.as_str(),
        "source_commit": claims.source_commit.as_str(),
        "compiler": claims.compiler.as_str(),
        "sbom_sha256": claims.sbom.map(|digest| digest.to_string()),
    })
}

pub(crate) fn program_json(program: &Program) -> Value {
    json!({
        "name": program.name.as_str(),
        "kind": program.kind.name(),
        "image_sha256": program.image.to_string(),
        "instruction_slots": program.instructions,
        "max_stack_bytes": program.max_stack,
        "max_loop_count": program.max_loop_count,
        "returns": { "min": program.exit.min, "max": program.exit.max },
        "highest_output": program.highest_output,
        "helpers": program.helpers.iter().map(|helper| helper.spec().name).collect::<Vec<_>>(),
        "maps": program.maps.iter().map(|map| json!({
            "name": map.name.as_str(),
            "kind": map.kind.name(),
            "key_size": map.key_size,
            "value_size": map.value_size,
            "max_entries": map.max_entries,
            "sync": map.sync.name(),
        })).collect::<Vec<_>>(),
        "loops": program.loops.iter().map(|item| json!({
            "slot": item.slot,
            "bound": item.bound,
            "method": item.method.name(),
        })).collect::<Vec<_>>(),
        "worst_case_instructions": program.worst_case_instructions,
        "unreached": {
            "slots": program.unreached.slots.iter().map(|range| json!({
                "first": range.first,
                "count": range.count,
            })).collect::<Vec<_>>(),
            "ways": program.unreached.ways.iter().map(|way| json!({
                "slot": way.slot,
                "taken": way.taken,
            })).collect::<Vec<_>>(),
        },
        "worst_case_helper_calls": program.worst_case_helper_calls,
        "worst_case_map_updates": program.worst_case_map_updates,
        "proof_sha256": program.proof.map(|digest| digest.to_string()),
    })
}
