//! JUnit's XML: a suite for each object, a case for each program.

use core::fmt::Write as _;

use quick_xml::escape::escape;

use super::{ObjectReport, Problem, Report};

pub(crate) fn junit(report: &Report) -> String {
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"bpfsign gate\">\n",
    );
    for object in &report.objects {
        suite(&mut xml, object);
    }
    if !report.problems.is_empty() {
        let count = report.problems.len();
        let _ = writeln!(
            xml,
            "  <testsuite name=\"gate\" tests=\"{count}\" failures=\"{count}\" errors=\"0\">"
        );
        for problem in &report.problems {
            case(&mut xml, "gate", &problem.title, &[problem], 0);
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn suite(xml: &mut String, object: &ObjectReport) {
    let mut names: Vec<&str> = object
        .programs
        .iter()
        .map(|program| program.name.as_str())
        .chain(
            object
                .problems
                .iter()
                .filter_map(|problem| problem.program.as_deref()),
        )
        .collect();
    names.sort_unstable();
    names.dedup();
    let of = |name: Option<&str>| -> Vec<&Problem> {
        let problems = object.problems.iter();
        problems
            .filter(|problem| problem.program.as_deref() == name && problem.waived.is_none())
            .collect()
    };
    let general = of(None);
    let whole = names.is_empty() || !general.is_empty();
    let failed = names
        .iter()
        .filter(|name| !of(Some(**name)).is_empty())
        .count();
    let tests = names.len().saturating_add(usize::from(whole));
    let failures = failed.saturating_add(usize::from(!general.is_empty()));
    let path = escape(object.path.as_str());
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{path}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">"
    );
    for name in names {
        case(
            xml,
            &object.path,
            name,
            &of(Some(name)),
            object.milliseconds,
        );
    }
    if whole {
        case(xml, &object.path, "object", &general, object.milliseconds);
    }
    xml.push_str("  </testsuite>\n");
}

fn case(xml: &mut String, class: &str, name: &str, problems: &[&Problem], milliseconds: u64) {
    let (class, name) = (escape(class), escape(name));
    let seconds = milliseconds.checked_div(1000).unwrap_or(0);
    let rest = milliseconds.checked_rem(1000).unwrap_or(0);
    let _ = write!(
        xml,
        "    <testcase classname=\"{class}\" name=\"{name}\" time=\"{seconds}.{rest:03}\""
    );
    if problems.is_empty() {
        xml.push_str("/>\n");
        return;
    }
    xml.push_str(">\n");
    for problem in problems {
        let place = problem.place.as_ref().map_or_else(String::new, |place| {
            format!("{}:{}:{}: ", place.file, place.line, place.column)
        });
        let title = format!("{}: {}", problem.code, problem.title);
        let text = format!("{place}{}\n{}", problem.message, problem.help);
        let (title, code, text) = (escape(&title), escape(&problem.code), escape(&text));
        let _ = writeln!(
            xml,
            "      <failure message=\"{title}\" type=\"{code}\">{text}</failure>"
        );
    }
    xml.push_str("    </testcase>\n");
}
