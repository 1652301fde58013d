//! A finding: what is wrong with a program, under its source line.

use core::fmt::Write as _;
use core::ops::Range;
use std::collections::BTreeMap;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Snippet};
use bpf_object::Line;
use bpf_verifier::{Counterexample, Finding};
use serde_json::{Value, json};

use super::text;
use crate::output::Output;
use crate::report::Place;

/// Lines between two places up to which they are shown in one excerpt.
const EXCERPT: u32 = 2_000;

/// Prints findings: the first, or all of them.
pub(crate) fn print(findings: &[Finding], output: &Output) {
    let shown = if output.verbosity() == 0 {
        1
    } else {
        usize::MAX
    };
    for finding in findings.iter().take(shown) {
        output.diagnostic(&[report(finding, output.verbosity())]);
    }
    let more = findings.len().saturating_sub(shown);
    if more > 0 && !output.is_json() {
        output.note(&format!(
            "and {more} more, which may follow from the first; `-v` shows all"
        ));
    }
}

/// The finding as a report for people.
pub(crate) fn report(finding: &Finding, verbosity: u8) -> Group<'static> {
    let title = Level::ERROR
        .primary_title(finding.code.title)
        .id(finding.code.id);
    let mut group = Group::with_title(title);
    for excerpt in excerpts(finding) {
        group = group.element(excerpt);
    }
    if finding.line.is_none() {
        group = group.element(listing(finding));
    }
    group = group.element(Level::NOTE.message(place(finding)));
    if !finding.registers.is_empty() {
        group = group.element(Level::NOTE.message(finding.registers.join("\n")));
    }
    if verbosity > 1 && !finding.facts.is_empty() {
        let facts = finding.facts.join("\n");
        group = group.element(Level::NOTE.message(format!("the engine knows here:\n{facts}")));
    }
    if let Some(engine) = finding.engine.as_ref().filter(|_| verbosity > 0) {
        group = group.element(Level::NOTE.message(format!("the engine says: {engine}")));
    }
    group.element(Level::HELP.message(finding.help()))
}

/// Program and instruction, and the cause where there is no source line to put it under.
fn place(finding: &Finding) -> String {
    let place = format!(
        "in program `{}`, instruction {}",
        text::visible(&finding.program),
        finding.slot
    );
    match finding.line {
        Some(_) => place,
        None => format!("{place}; compile with -g to see the source line"),
    }
}

/// The instructions around, where there are no source lines.
fn listing(finding: &Finding) -> Snippet<'static, Annotation<'static>> {
    let mut source = String::new();
    let mut marks = Vec::new();
    for listed in &finding.listing {
        let start = source.len();
        let _ = write!(source, "{:>5}: {}", listed.slot, listed.text);
        if listed.slot == finding.slot {
            let mark = AnnotationKind::Primary.span(start..source.len());
            marks.push(mark.label(finding.cause.clone()));
        }
        for related in finding
            .related
            .iter()
            .filter(|place| place.slot == listed.slot)
        {
            let mark = AnnotationKind::Context.span(start..source.len());
            marks.push(mark.label(related.label.clone()));
        }
        source.push('\n');
    }
    Snippet::source(source)
        .path(format!("program `{}`", text::visible(&finding.program)))
        .annotations(marks)
}

/// The place of a line, with the end of what is marked.
pub(crate) fn place_of(line: &Line) -> Place {
    let marked = marked(&line.text, line.column);
    let end = line.text.get(..marked.end).unwrap_or_default();
    let end = u32::try_from(end.chars().count()).unwrap_or(0);
    Place {
        file: text::visible(&line.file),
        line: line.line,
        column: line.column,
        end_column: if line.column == 0 || line.text.is_empty() {
            0
        } else {
            end.saturating_add(1)
        },
        text: text::visible(&line.text),
    }
}

/// Excerpts of the source, one for each file, with every place marked.
fn excerpts(finding: &Finding) -> Vec<Snippet<'static, Annotation<'static>>> {
    let primary = finding
        .line
        .iter()
        .map(|line| (AnnotationKind::Primary, line, &finding.cause));
    let related = finding.related.iter().filter_map(|place| {
        place
            .line
            .as_ref()
            .map(|line| (AnnotationKind::Context, line, &place.label))
    });
    let mut files: Vec<(&str, Excerpt)> = Vec::new();
    for (kind, line, label) in primary.chain(related) {
        let at = files
            .iter()
            .position(|(file, excerpt)| **file == *line.file && excerpt.takes(line));
        let at = at.unwrap_or_else(|| {
            files.push((&line.file, Excerpt::default()));
            files.len().saturating_sub(1)
        });
        if let Some((_, excerpt)) = files.get_mut(at) {
            excerpt.mark(kind, line, label);
        }
    }
    files
        .into_iter()
        .map(|(file, excerpt)| excerpt.snippet(file))
        .collect()
}

/// Marked lines of one file.
#[derive(Default)]
struct Excerpt {
    lines: BTreeMap<u32, String>,
    marks: Vec<(AnnotationKind, u32, u32, String)>,
}

impl Excerpt {
    /// Whether a line is near enough to those already here.
    fn takes(&self, line: &Line) -> bool {
        self.lines
            .keys()
            .all(|other| other.abs_diff(line.line) <= EXCERPT)
    }

    fn mark(&mut self, kind: AnnotationKind, line: &Line, label: &str) {
        // Tabs would shift the marks under the line.
        self.lines.insert(line.line, line.text.replace('\t', " "));
        self.marks
            .push((kind, line.line, line.column, label.to_owned()));
    }

    /// The lines from the first to the last; those that are not known are empty and folded away.
    fn snippet(self, file: &str) -> Snippet<'static, Annotation<'static>> {
        let first = self.lines.keys().next().copied().unwrap_or(1);
        let last = self.lines.keys().next_back().copied().unwrap_or(first);
        let mut source = String::new();
        let mut starts = BTreeMap::new();
        for number in first..=last {
            starts.insert(number, source.len());
            source.push_str(self.lines.get(&number).map_or("", String::as_str));
            source.push('\n');
        }
        let annotations: Vec<_> = self
            .marks
            .into_iter()
            .map(|(kind, number, column, label)| {
                let start = starts.get(&number).copied().unwrap_or(0);
                let text = self.lines.get(&number).map_or("", String::as_str);
                let span = marked(text, column);
                let span = start.saturating_add(span.start)..start.saturating_add(span.end);
                kind.span(span).label(label)
            })
            .collect();
        let line_start = usize::try_from(first).unwrap_or(1);
        Snippet::source(source)
            .line_start(line_start)
            .path(file.to_owned())
            .annotations(annotations)
    }
}

/// What is underlined: from the column to the end of the expression that begins there. Debug
/// information knows no end, so brackets decide, and `;` or the end of the line.
fn marked(text: &str, column: u32) -> Range<usize> {
    let column = usize::try_from(column).unwrap_or(0).saturating_sub(1);
    // Column 0 is unknown; the text begins behind its indentation.
    let from = text
        .get(column..)
        .filter(|rest| !rest.trim().is_empty())
        .unwrap_or(text);
    let start = text.len().saturating_sub(from.trim_start().len());
    let rest = text.get(start..).unwrap_or_default();
    let mut depth = 0_i32;
    let mut end = rest.len();
    for (at, c) in rest.char_indices() {
        match c {
            '(' | '[' => depth = depth.saturating_add(1),
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth < 0 || matches!(c, ';' | '{' | '}') || (depth == 0 && c == ',') {
            end = at;
            break;
        }
    }
    let length = rest.get(..end).unwrap_or(rest).trim_end().len().max(1);
    start..start.saturating_add(length).min(text.len().max(start))
}

/// The runs that contradict a proof, as much as a line takes.
pub(crate) fn runs(found: &Counterexample) -> String {
    let place = match (&found.line, found.slot) {
        (Some(line), _) => format!(" at {}:{}: `{}`", line.file, line.line, line.text.trim()),
        (None, Some(slot)) => format!(" at instruction {slot}"),
        (None, None) => String::new(),
    };
    let last = match found.scenario.steps.last() {
        Some(step) => format!(
            ", the last on port {}, mark {}, packet {}",
            step.annotations.port,
            step.annotations.mark,
            hex(&step.packet)
        ),
        None => String::new(),
    };
    let runs = found.scenario.steps.len();
    format!("it went wrong{place}, after {runs} runs{last}")
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The finding as JSON.
pub(crate) fn json(finding: &Finding) -> Value {
    json!({
        "code": finding.code.id,
        "title": finding.code.title,
        "program": finding.program,
        "slot": finding.slot,
        "line": finding.line.as_ref().map(line_json),
        "cause": finding.cause,
        "engine": finding.engine,
        "related": finding.related.iter().map(|place| json!({
            "slot": place.slot,
            "line": place.line.as_ref().map(line_json),
            "label": place.label,
        })).collect::<Vec<_>>(),
        "registers": finding.registers,
        "help": finding.help(),
    })
}

fn line_json(line: &Line) -> Value {
    json!({
        "file": &*line.file,
        "line": line.line,
        "column": line.column,
        "text": &*line.text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_underlined_to_its_end() {
        for (text, column, want) in [
            ("\treturn d[12];", 9, "d[12]"),
            ("  if (a[i] == 2) return 0;", 7, "a[i] == 2"),
            ("x = f(a, b), y", 5, "f(a, b)"),
            ("  x;", 0, "x"),
            ("  x;", 99, "x"),
            ("", 5, ""),
        ] {
            let range = marked(text, column);
            assert_eq!(text.get(range).unwrap_or_default(), want, "{text}");
        }
    }
}
