//! SARIF 2.1.0 (OASIS), as code scanning takes it.

use serde_json::{Value, json};

use super::{ObjectReport, Place, Problem, Related, Report};
use crate::commands::explain::all_codes;

pub(crate) fn sarif(report: &Report) -> Value {
    let mut rules: Vec<&str> = report
        .problems()
        .map(|(_, problem)| problem.code.as_str())
        .collect();
    rules.sort_unstable();
    rules.dedup();
    let results: Vec<Value> = report
        .problems()
        .map(|(object, problem)| result(object, problem, &rules))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "bpfsign",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|id| rule(id)).collect::<Vec<_>>(),
            } },
            "invocations": [{ "executionSuccessful": report.passed, "exitCode": report.exit }],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// A diagnostic that came up.
fn rule(id: &str) -> Value {
    let code = all_codes().into_iter().find(|code| code.id == id);
    let (title, help) = code.map_or(("", ""), |code| (code.title, code.help));
    json!({
        "id": id,
        "shortDescription": { "text": title },
        "fullDescription": { "text": title },
        "help": { "text": help },
        "defaultConfiguration": { "level": "error" },
    })
}

fn result(object: Option<&ObjectReport>, problem: &Problem, rules: &[&str]) -> Value {
    let index = rules.iter().position(|id| *id == problem.code);
    let mut result = json!({
        "ruleId": problem.code,
        "ruleIndex": index,
        "level": "error",
        "message": { "text": format!("{}: {}", problem.title, problem.message) },
    });
    let Some(fields) = result.as_object_mut() else {
        return result;
    };
    if let Some(place) = location(object, problem.place.as_ref(), problem) {
        fields.insert("locations".into(), json!([place]));
    }
    let related: Vec<Value> = problem.related.iter().filter_map(step).collect();
    if !related.is_empty() {
        let steps = related.iter().map(|place| json!({ "location": place }));
        let mut steps: Vec<Value> = steps.collect();
        if let Some(end) = problem
            .place
            .as_ref()
            .map(|place| labelled(place, &problem.message))
        {
            steps.push(json!({ "location": end }));
        }
        fields.insert("relatedLocations".into(), json!(related));
        fields.insert(
            "codeFlows".into(),
            json!([{ "threadFlows": [{ "locations": steps }] }]),
        );
    }
    if let Some(waived) = &problem.waived {
        let justification = format!("{} (until {})", waived.reason, waived.expires);
        fields.insert(
            "suppressions".into(),
            json!([{ "kind": "external", "status": "accepted", "justification": justification }]),
        );
    }
    result
}

/// The source line, or else the object; with the program's name.
fn location(
    object: Option<&ObjectReport>,
    place: Option<&Place>,
    problem: &Problem,
) -> Option<Value> {
    let mut location = match (place, object) {
        (Some(place), _) => physical(place),
        (None, Some(object)) => json!({ "physicalLocation": {
            "artifactLocation": { "uri": uri(&object.path) },
        } }),
        (None, None) => return None,
    };
    if let (Some(program), Some(fields)) = (&problem.program, location.as_object_mut()) {
        let name = json!([{ "name": program, "kind": "function" }]);
        fields.insert("logicalLocations".into(), name);
    }
    Some(location)
}

fn step(related: &Related) -> Option<Value> {
    Some(labelled(related.place.as_ref()?, &related.label))
}

fn labelled(place: &Place, label: &str) -> Value {
    let mut location = physical(place);
    if let Some(fields) = location.as_object_mut() {
        fields.insert("message".into(), json!({ "text": label }));
    }
    location
}

fn physical(place: &Place) -> Value {
    let mut region = json!({ "startLine": place.line.max(1), "snippet": { "text": place.text } });
    if let (1.., Some(fields)) = (place.column, region.as_object_mut()) {
        fields.insert("startColumn".into(), place.column.into());
        if place.end_column > place.column {
            fields.insert("endColumn".into(), place.end_column.into());
        }
    }
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(&place.file) },
        "region": region,
    } })
}

/// A path as a reference of RFC 3986: relative to the root of the repository, or with `file:`.
fn uri(path: &str) -> String {
    let scheme = if path.starts_with('/') { "file://" } else { "" };
    path.bytes().fold(scheme.to_owned(), |mut uri, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
        uri
    })
}
