//! Names of devices.

use core::time::Duration;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DeviceName {
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// An interface of the system.
    Interface(String),
    /// A TAP interface of the process.
    Tap(String),
    /// What is sent there is received there.
    Local(String),
    /// Captures: one is read, one is written.
    Capture {
        input: Option<String>,
        output: Option<String>,
    },
    /// A device whose frames are written to captures, too.
    Trace {
        file: String,
        inner: Box<DeviceName>,
    },
    /// A device that does what networks do.
    Fault {
        faults: Faults,
        inner: Box<DeviceName>,
    },
}

/// What happens to frames, each with its probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Faults {
    /// A frame is lost.
    pub(super) drop: f64,
    /// A bit of it changes.
    pub(super) corrupt: f64,
    /// It changes places with the next one.
    pub(super) reorder: f64,
    /// It comes twice.
    pub(super) duplicate: f64,
    /// Every frame comes so much later.
    pub(super) delay: Duration,
    /// What all chances follow from.
    pub(super) seed: u64,
}

impl Faults {
    const NONE: Self = Self {
        drop: 0.0,
        corrupt: 0.0,
        reorder: 0.0,
        duplicate: 0.0,
        delay: Duration::ZERO,
        seed: 1,
    };

    /// Reads `drop=0.1,delay=5ms` and the like.
    fn parse(text: &str) -> Result<Self, String> {
        let mut faults = Self::NONE;
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let bad = || {
                format!(
                    "`{part}` is no fault: drop=, corrupt=, reorder= or duplicate= from 0 to 1, delay=MILLISECONDSms, seed=NUMBER"
                )
            };
            let (key, value) = part.split_once('=').ok_or_else(bad)?;
            let probability = || {
                let value: Option<f64> = value.parse().ok();
                value
                    .filter(|value| (0.0..=1.0).contains(value))
                    .ok_or_else(bad)
            };
            match key {
                "drop" => faults.drop = probability()?,
                "corrupt" => faults.corrupt = probability()?,
                "reorder" => faults.reorder = probability()?,
                "duplicate" => faults.duplicate = probability()?,
                "delay" => {
                    let milliseconds = value.strip_suffix("ms").and_then(|ms| ms.parse().ok());
                    faults.delay = Duration::from_millis(milliseconds.ok_or_else(bad)?);
                }
                "seed" => faults.seed = value.parse().map_err(|_| bad())?,
                _ => return Err(bad()),
            }
        }
        Ok(faults)
    }
}

/// Bytes of the longest name of an interface (`IFNAMSIZ` in `linux/if.h`, less the zero at the end).
const MAX_INTERFACE_NAME: usize = 15;

/// Wrappers around a device: more are a mistake.
const MAX_DEPTH: usize = 8;

impl DeviceName {
    /// Reads a name as FromDevice's manual page describes it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        Self::parse_within(text, MAX_DEPTH)
    }

    fn parse_within(text: &str, depth: usize) -> Result<Self, String> {
        let kind = match text.split_once(':') {
            None => Kind::Interface(interface(text)?),
            Some(("tap", name)) => Kind::Tap(interface(name)?),
            Some(("loop", name)) => Kind::Local(name.into()),
            Some(("pcap", files)) => {
                let (input, output) = files.split_once(':').unwrap_or((files, ""));
                let file = |name: &str| (!name.is_empty()).then(|| name.into());
                Kind::Capture {
                    input: file(input),
                    output: file(output),
                }
            }
            Some((wrapper @ ("trace" | "fault"), rest)) => {
                let depth = depth
                    .checked_sub(1)
                    .ok_or("too many devices within each other")?;
                let split = rest.split_once(':');
                let (argument, inner) = split
                    .ok_or_else(|| format!("`{wrapper}:` needs a device behind another `:`"))?;
                let inner = Box::new(Self::parse_within(inner, depth)?);
                match wrapper {
                    "trace" => Kind::Trace {
                        file: argument.into(),
                        inner,
                    },
                    _ => Kind::Fault {
                        faults: Faults::parse(argument)?,
                        inner,
                    },
                }
            }
            Some((kind, _)) => return Err(format!("there is no kind of device `{kind}:`")),
        };
        Ok(Self { kind })
    }
}

/// A name that the system can have given to an interface.
fn interface(name: &str) -> Result<String, String> {
    let legal = |c: char| c.is_ascii_graphic() && c != '/';
    let fits = (1..=MAX_INTERFACE_NAME).contains(&name.len());
    if !fits || !name.chars().all(legal) || name == "." || name == ".." {
        return Err("no interface can have this name".into());
    }
    if name.chars().all(|c| c.is_ascii_digit()) {
        return Err(format!(
            "nothing says what {name} stands for: `--device {name}=DEVICE`"
        ));
    }
    Ok(name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Kind {
        DeviceName::parse(text).unwrap().kind
    }

    #[test]
    fn names_of_every_kind() {
        assert_eq!(kind("eth0"), Kind::Interface("eth0".into()));
        assert_eq!(kind("tap:t0"), Kind::Tap("t0".into()));
        assert_eq!(kind("loop:a"), Kind::Local("a".into()));
        let capture = |input: Option<&str>, output: Option<&str>| Kind::Capture {
            input: input.map(Into::into),
            output: output.map(Into::into),
        };
        assert_eq!(kind("pcap:in"), capture(Some("in"), None));
        assert_eq!(kind("pcap:in:out"), capture(Some("in"), Some("out")));
        assert_eq!(kind("pcap::out"), capture(None, Some("out")));
        let Kind::Trace { file, inner } = kind("trace:t:fault:drop=0.5,delay=3ms,seed=7:eth0")
        else {
            panic!("it is a trace");
        };
        assert_eq!(file, "t");
        let Kind::Fault { faults, inner } = inner.kind else {
            panic!("there are faults in it");
        };
        let expected = Faults {
            drop: 0.5,
            delay: Duration::from_millis(3),
            seed: 7,
            ..Faults::NONE
        };
        assert_eq!(faults, expected);
        assert_eq!(inner.kind, Kind::Interface("eth0".into()));
    }

    #[test]
    fn what_is_no_name() {
        let deep = "trace:t:".repeat(MAX_DEPTH + 1) + "eth0";
        for text in [
            "",
            "0",
            "a/b",
            "..",
            "name-of-interface",
            "a b",
            "xdp:eth0",
            "trace:t",
            "tap:",
            "fault:drop=2:eth0",
            "fault:drop=-1:eth0",
            "fault:drop=NaN:eth0",
            "fault:drop:eth0",
            "fault:lose=1:eth0",
            "fault:delay=3:eth0",
            &deep,
        ] {
            assert!(DeviceName::parse(text).is_err(), "{text}");
        }
    }
}
