//! `bpfclick metrics`: the counters of a router in Prometheus' text format.
//!
//! Source of the format: Prometheus, "Exposition formats", text format version 0.0.4.

use core::fmt::Write as _;
use core::net::SocketAddr;
use core::str::FromStr;
use core::sync::atomic::AtomicBool;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use platform_click::ExitCode;

use super::client::{Client, ClientError};
use super::model::{Element, Model};
use super::{Observed, server};
use crate::cli::print;

/// Serve the counters of a router for Prometheus
///
/// Starts CONFIG in a process of its own, or serves those of a router that runs with `--unix-socket
/// FILE`. Answers GET /metrics over HTTP, to anybody who can reach the address: keep it local.
#[derive(Debug, Args)]
pub(crate) struct MetricsArguments {
    #[command(flatten)]
    observed: Observed,

    /// Where to listen: an address and port, or `unix:FILE`
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9464")]
    listen: Address,

    /// Print the counters once instead of listening
    #[arg(long)]
    once: bool,
}

/// Where counters are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(path.into()));
        }
        let address = text.parse().map(Self::Tcp);
        address.map_err(|_| "neither an address with a port nor `unix:FILE`".into())
    }
}

impl MetricsArguments {
    pub(crate) fn execute(self, err: &mut dyn Write, interrupted: &AtomicBool) -> ExitCode {
        let (_process, mut client) = match self.observed.connect(err) {
            Ok(connected) => connected,
            Err(code) => return code,
        };
        let model = match Model::of(&mut client) {
            Ok(model) => model,
            Err(error) => return print(err, &format!("error: {error}\n"), ExitCode::Io),
        };
        if self.once {
            return match text(&mut client, &model) {
                Ok(text) => print(&mut std::io::stdout(), &text, ExitCode::Accepted),
                Err(error) => print(err, &format!("error: {error}\n"), ExitCode::Io),
            };
        }
        let mut answer = || text(&mut client, &model);
        match server::serve(&self.listen, &mut answer, interrupted) {
            Ok(()) => ExitCode::Accepted,
            Err(error) => print(err, &format!("error: {error}\n"), ExitCode::Io),
        }
    }
}

/// Whether a number only goes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
}

/// A handler whose value is a metric.
struct Metric {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    /// The handlers, each with the value of the label `reason` if there are several.
    handlers: &'static [(&'static str, Option<&'static str>)],
}

const METRICS: &[Metric] = &[
    Metric {
        name: "click_element_packets_total",
        kind: Kind::Counter,
        help: "Packets that an element counted.",
        handlers: &[("count", None)],
    },
    Metric {
        name: "click_element_bytes_total",
        kind: Kind::Counter,
        help: "Bytes of the packets that an element counted.",
        handlers: &[("byte_count", None)],
    },
    Metric {
        name: "click_element_dropped_packets_total",
        kind: Kind::Counter,
        help: "Packets that did not go on.",
        handlers: &[
            ("drops", Some("full")),
            ("filtered", Some("filtered")),
            ("aborted", Some("aborted")),
        ],
    },
    Metric {
        name: "click_queue_packets",
        kind: Kind::Gauge,
        help: "Packets that wait in a queue.",
        handlers: &[("length", None)],
    },
    Metric {
        name: "click_program_faults_total",
        kind: Kind::Counter,
        help: "Runs of a program that ended in a fault.",
        handlers: &[("faults", None)],
    },
    Metric {
        name: "click_program_fuel_aborts_total",
        kind: Kind::Counter,
        help: "Runs of a program that ran out of fuel.",
        handlers: &[("fuel_aborts", None)],
    },
    Metric {
        name: "click_program_contradicted_total",
        kind: Kind::Counter,
        help: "Runs of a program that contradicted its proof.",
        handlers: &[("contradicted", None)],
    },
    Metric {
        name: "click_program_quarantined",
        kind: Kind::Gauge,
        help: "Whether a program is stopped for its faults.",
        handlers: &[("quarantined", None)],
    },
    Metric {
        name: "click_program_swaps_total",
        kind: Kind::Counter,
        help: "Programs that took the place of another in an element.",
        handlers: &[("swaps", None)],
    },
    Metric {
        name: "click_program_counter",
        kind: Kind::Gauge,
        help: "The rollback counter of the program that runs.",
        handlers: &[("counter", None)],
    },
];

/// What the program that runs in an element is known by, as labels of a metric that is always 1.
const INFO: &[&str] = &["statement", "program", "kind", "digest", "signer", "jit"];

/// All metrics of a router.
fn text(client: &mut Client, model: &Model) -> Result<String, ClientError> {
    let mut text = String::new();
    for metric in METRICS {
        let mut lines = String::new();
        for element in &model.elements {
            // The handlers of a program's counter are called like those of other elements.
            if metric.name.starts_with("click_program") && !element.runs_a_program() {
                continue;
            }
            for (handler, reason) in metric.handlers {
                if let Some(value) = number(client, element, handler)? {
                    let labels = labels(element, reason.map(|reason| ("reason", reason)));
                    line(&mut lines, metric.name, &labels, value);
                }
            }
        }
        block(&mut text, metric.name, metric.kind, metric.help, &lines);
    }
    let mut lines = String::new();
    for element in model.elements.iter().filter(|e| e.runs_a_program()) {
        let mut values = Vec::new();
        for handler in INFO {
            let value = client.read(&format!("{}.{handler}", element.name));
            values.push((*handler, value.unwrap_or_default().trim().to_owned()));
        }
        let labels = labels(
            element,
            values.iter().map(|(name, value)| (*name, value.as_str())),
        );
        line(&mut lines, "click_program_info", &labels, 1);
    }
    let help = "The program that runs in an element.";
    block(&mut text, "click_program_info", Kind::Gauge, help, &lines);
    Ok(text)
}

fn block(text: &mut String, name: &str, kind: Kind, help: &str, lines: &str) {
    if lines.is_empty() {
        return;
    }
    let kind = match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
    };
    // Writing to a string does not fail.
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{lines}");
}

fn line(lines: &mut String, name: &str, labels: &str, value: u64) {
    let _ = writeln!(lines, "{name}{{{labels}}} {value}");
}

/// The value of a handler as a number; true is 1.
fn number(
    client: &mut Client,
    element: &Element,
    handler: &str,
) -> Result<Option<u64>, ClientError> {
    if !element.has(handler) {
        return Ok(None);
    }
    match client.read(&format!("{}.{handler}", element.name)) {
        Ok(value) => Ok(match value.trim() {
            "true" => Some(1),
            "false" => Some(0),
            number => number.parse().ok(),
        }),
        // An element may be without a program for a while.
        Err(ClientError::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn labels<'a>(element: &'a Element, more: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let own = [
        ("element", element.name.as_str()),
        ("class", element.class.as_str()),
    ];
    let labels = own.into_iter().chain(more);
    let labels = labels.map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
    labels.collect::<Vec<_>>().join(",")
}

/// A label's value: backslash, quote and line feed are escaped, other control characters replaced.
fn escaped(value: &str) -> String {
    let mut text = String::new();
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c if c.is_control() => text.push('\u{fffd}'),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_those_of_the_convention() {
        let mut names = BTreeSet::new();
        for metric in METRICS {
            assert!(names.insert(metric.name), "{} twice", metric.name);
            let is_total = metric.name.ends_with("_total");
            assert_eq!(is_total, metric.kind == Kind::Counter, "{}", metric.name);
            assert!(metric.help.ends_with('.'));
        }
    }

    #[test]
    fn nothing_gets_out_of_a_label() {
        assert_eq!(
            escaped("a\"} 1\nclick_up 0\\\r"),
            "a\\\"} 1\\nclick_up 0\\\\\u{fffd}"
        );
    }

    #[test]
    fn addresses() {
        assert_eq!("unix:/run/m".parse(), Ok(Address::Unix("/run/m".into())));
        assert_eq!(
            "[::1]:9".parse(),
            Ok(Address::Tcp(([0, 0, 0, 0, 0, 0, 0, 1], 9).into()))
        );
        assert!("localhost".parse::<Address>().is_err());
    }
}
