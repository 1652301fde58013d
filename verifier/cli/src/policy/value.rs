//! Values of a policy, parsed: what is not one of them is an error at its place.

use core::fmt;
use core::str::FromStr as _;

use clap::ValueEnum as _;
use platform_click::{Digest, ExitCode, HelperId, MapKind, ProgramKind};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use time::Date;

use crate::args::Loops;
use crate::commands::explain::all_codes;

/// The version of the format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Version;

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match u64::deserialize(from)? {
            1 => Ok(Self),
            other => Err(D::Error::custom(format!(
                "version {other} of the format; this bpfsign knows version 1"
            ))),
        }
    }
}

/// Seconds that something may take.
pub(super) fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    within(from, 1..=3600)
}

/// MiB that something may take.
pub(super) fn mebibytes<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    within(from, 64..=65_536)
}

fn within<'de, D: Deserializer<'de>>(
    from: D,
    range: core::ops::RangeInclusive<u64>,
) -> Result<u64, D::Error> {
    let number = u64::deserialize(from)?;
    if range.contains(&number) {
        return Ok(number);
    }
    let (least, most) = range.into_inner();
    Err(D::Error::custom(format!("a number from {least} to {most}")))
}

/// How programs with loops are proved.
pub(super) fn loops<'de, D: Deserializer<'de>>(from: D) -> Result<Loops, D::Error> {
    let text = String::deserialize(from)?;
    Loops::from_str(&text, false).map_err(|_| D::Error::custom("`auto`, `plain` or `unwind`"))
}

/// One of a list of names, or an error that lists them.
fn named<'de, D: Deserializer<'de>, T: Copy>(
    from: D,
    what: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<T, D::Error> {
    let text = String::deserialize(from)?;
    let found = all.iter().find(|item| name(**item) == text);
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|item| name(*item)).collect();
        D::Error::custom(format!("no such {what}; there are {}", names.join(", ")))
    })
}

/// A kind of program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind(pub(crate) ProgramKind);

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        named(from, "kind of program", ProgramKind::ALL, |kind| {
            kind.name()
        })
        .map(Self)
    }
}

/// A helper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Helper(pub(crate) HelperId);

impl<'de> Deserialize<'de> for Helper {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        named(from, "helper", HelperId::ALL, |helper| helper.spec().name).map(Self)
    }
}

/// A kind of map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MapKindName(pub(crate) MapKind);

impl<'de> Deserialize<'de> for MapKindName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        named(from, "kind of map", MapKind::ALL, |kind| kind.name()).map(Self)
    }
}

/// A digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DigestText(pub(crate) Digest);

impl<'de> Deserialize<'de> for DigestText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Digest::from_str(&text).map(Self).map_err(D::Error::custom)
    }
}

/// A code that can be waived: a rule of the policy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) platform_click::Code);

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let code = all_codes().into_iter().find(|code| code.id == text);
        let code = code.ok_or_else(|| D::Error::custom("`bpfsign explain` lists all codes"))?;
        if code.exit == ExitCode::Policy && code.id.starts_with("BPF-P") {
            return Ok(Self(code));
        }
        Err(D::Error::custom(format!(
            "`{}` ({}) is no rule of this policy, and has no exceptions",
            code.id, code.title
        )))
    }
}

/// A reason: some words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason(pub(crate) String);

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if text.trim().is_empty() {
            return Err(D::Error::custom("an exception needs a reason"));
        }
        Ok(Self(text))
    }
}

/// A commit by any name that git understands, and no option of git's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Commit(pub(crate) String);

impl Commit {
    /// # Errors
    /// What is wrong with the name.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.starts_with('-') || text.contains([':', '\0', '\n']) {
            return Err("the name of a commit, such as `origin/main`".into());
        }
        Ok(Self(text.into()))
    }
}

impl<'de> Deserialize<'de> for Commit {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// A day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(pub(crate) Date);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.0.to_calendar_date();
        write!(f, "{year:04}-{:02}-{day:02}", u8::from(month))
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let explain = || D::Error::custom("a day without a time, such as 2026-12-31");
        let read = toml::value::Datetime::deserialize(from)?;
        let (Some(date), None, None) = (read.date, read.time, read.offset) else {
            return Err(explain());
        };
        let month = time::Month::try_from(date.month).map_err(|_| explain())?;
        let day = Date::from_calendar_date(date.year.into(), month, date.day);
        day.map(Self).map_err(|_| explain())
    }
}
