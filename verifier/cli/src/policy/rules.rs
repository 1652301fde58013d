//! What was proved of a program, held against a policy.

use bpf_object::MapDef;
use bpf_verifier::AcceptedProgram;
use platform_click::{Code, Digest};

use super::Policy;
use crate::error::codes;

/// A rule that a program breaks: the diagnostic, and what happened in a sentence without a period.
pub(crate) type Violation = (Code, String);

/// Every rule of the policy that a program breaks.
pub(crate) fn violations(policy: &Policy, program: &AcceptedProgram) -> Vec<Violation> {
    let mut found = Vec::new();
    bounds(policy, program, &mut found);
    allowed(policy, program, &mut found);
    maps(policy, program, &mut found);
    found
}

/// Whether the policy names another platform than this one.
pub(crate) fn other_platform(policy: &Policy, platform: Digest) -> Option<Violation> {
    let digests = policy.platform.digests.as_ref()?;
    if digests.iter().any(|digest| digest.0 == platform) {
        return None;
    }
    let message =
        format!("the platform of this bpfsign is {platform}, which the policy does not name");
    Some((codes::OTHER_PLATFORM, message))
}

/// Bytes of keys and values of all entries, as the loader counts them.
pub(crate) fn map_bytes(maps: &[MapDef]) -> u64 {
    maps.iter().fold(0, |sum, map| {
        let entry = u64::from(map.key_size).saturating_add(map.value_size.into());
        sum.saturating_add(entry.saturating_mul(map.max_entries.into()))
    })
}

fn bounds(policy: &Policy, program: &AcceptedProgram, found: &mut Vec<Violation>) {
    let bounds = &policy.bounds;
    let deepest = program.loops.iter().max_by_key(|item| item.bound);
    let place = match deepest.and_then(|item| item.line.as_ref()) {
        Some(line) => format!(" of the loop at {}:{}", line.file, line.line),
        None => String::new(),
    };
    for (bound, proved, what) in [
        (
            bounds.instructions,
            program.worst_case_instructions,
            "executed instructions".to_owned(),
        ),
        (
            bounds.slots,
            program.instructions.into(),
            "instruction slots".to_owned(),
        ),
        (
            bounds.stack,
            program.max_stack.into(),
            "bytes of stack".to_owned(),
        ),
        (
            bounds.iterations,
            deepest.map_or(0, |item| item.bound),
            format!("iterations{place}"),
        ),
        (
            bounds.helper_calls,
            program.worst_case_helper_calls,
            "calls of helpers".to_owned(),
        ),
        (
            bounds.map_updates,
            program.worst_case_map_updates,
            "updates of maps".to_owned(),
        ),
    ] {
        if let Some(bound) = bound.filter(|bound| proved > *bound) {
            let message = format!("up to {proved} {what}, and the policy allows {bound}");
            found.push((codes::BOUND, message));
        }
    }
}

fn allowed(policy: &Policy, program: &AcceptedProgram, found: &mut Vec<Violation>) {
    let allow = &policy.allow;
    if let Some(kinds) = &allow.kinds
        && !kinds.iter().any(|kind| kind.0 == program.kind)
    {
        let message = format!(
            "the program is a {}, which the policy does not allow",
            program.kind
        );
        found.push((codes::KIND, message));
    }
    if let Some(helpers) = &allow.helpers {
        for helper in &program.helpers {
            if !helpers.iter().any(|allowed| allowed.0 == *helper) {
                let name = helper.spec().name;
                let message = format!("`{name}` is called, which the policy does not allow");
                found.push((codes::HELPER, message));
            }
        }
    }
    if let Some(kinds) = &allow.map_kinds {
        for map in &program.maps {
            if !kinds.iter().any(|kind| kind.0 == map.kind) {
                let message = format!(
                    "map `{}` is of kind {}, which the policy does not allow",
                    map.name, map.kind
                );
                found.push((codes::MAPS, message));
            }
        }
    }
}

fn maps(policy: &Policy, program: &AcceptedProgram, found: &mut Vec<Violation>) {
    let budget = &policy.maps;
    let count = u64::try_from(program.maps.len()).unwrap_or(u64::MAX);
    let largest = program.maps.iter().max_by_key(|map| map.max_entries);
    let entries = largest.map_or(0, |map| u64::from(map.max_entries));
    let name = largest.map_or("", |map| map.name.as_str());
    for (bound, needed, what) in [
        (budget.count, count, "maps".to_owned()),
        (
            budget.bytes,
            map_bytes(&program.maps),
            "bytes of maps".to_owned(),
        ),
        (budget.entries, entries, format!("entries of map `{name}`")),
    ] {
        if let Some(bound) = bound.filter(|bound| needed > *bound) {
            let message = format!("{needed} {what}, and the policy allows {bound}");
            found.push((codes::MAPS, message));
        }
    }
}
