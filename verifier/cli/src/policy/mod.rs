//! `bpfsign.toml`: what the gate asks of programs.
//!
//! `default.toml` documents the format; it is what `--print-default` prints.

mod find;
mod rules;
mod value;

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::args::Loops;
use crate::error::{CliError, Excerpt, codes};
use crate::files;

pub(crate) use find::{Search, find};
pub(crate) use rules::{map_bytes, other_platform, violations};
pub(crate) use value::{Code, Day, DigestText, Helper, Kind, MapKindName, Reason, Version};

/// The documented default.
pub(crate) const DEFAULT: &str = include_str!("default.toml");

/// Bytes of a policy file: a page for each of a hundred waivers, and more.
const MAX_SIZE: usize = 1 << 20;

/// A policy and where it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct PolicyFile {
    /// The file, unless the defaults count.
    pub(crate) path: Option<PathBuf>,
    pub(crate) policy: Policy,
}

/// What is asked of programs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct Policy {
    version: Version,
    pub(crate) verify: Settings,
    pub(crate) bounds: Bounds,
    pub(crate) allow: Allow,
    pub(crate) maps: Maps,
    pub(crate) platform: Platforms,
    pub(crate) signature: Signature,
    #[serde(rename = "waiver")]
    pub(crate) waivers: Vec<Waiver>,
}

/// How objects are verified.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// Seconds for a proof.
    #[serde(deserialize_with = "value::seconds")]
    pub(crate) time: u64,
    /// MiB for a proof.
    #[serde(deserialize_with = "value::mebibytes")]
    pub(crate) memory: u64,
    /// Seconds for the trial.
    #[serde(deserialize_with = "value::seconds")]
    pub(crate) trial_time: u64,
    #[serde(deserialize_with = "value::loops")]
    pub(crate) loops: Loops,
    pub(crate) bpffilter: Kind,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            time: 60,
            memory: 2048,
            trial_time: 1,
            loops: Loops::Auto,
            bpffilter: Kind(platform_click::ProgramKind::Filter),
        }
    }
}

/// Upper bounds of what is proved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct Bounds {
    pub(crate) instructions: Option<u64>,
    pub(crate) slots: Option<u64>,
    pub(crate) stack: Option<u64>,
    #[serde(rename = "loop")]
    pub(crate) iterations: Option<u64>,
    pub(crate) helper_calls: Option<u64>,
    pub(crate) map_updates: Option<u64>,
}

/// What programs may be and call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct Allow {
    pub(crate) kinds: Option<Vec<Kind>>,
    pub(crate) helpers: Option<Vec<Helper>>,
    pub(crate) map_kinds: Option<Vec<MapKindName>>,
}

/// Budgets for the maps of each program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct Maps {
    pub(crate) count: Option<u64>,
    pub(crate) bytes: Option<u64>,
    pub(crate) entries: Option<u64>,
}

/// The platforms that programs are verified for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct Platforms {
    pub(crate) digests: Option<Vec<DigestText>>,
}

/// What is asked of bundles.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct Signature {
    pub(crate) required: bool,
    pub(crate) trust: Option<PathBuf>,
    pub(crate) counters_since: Option<value::Commit>,
}

/// An exception from a rule.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Waiver {
    /// A file, or a folder for all below it.
    pub(crate) path: PathBuf,
    pub(crate) code: Code,
    pub(crate) reason: Reason,
    /// The last day on which it counts.
    pub(crate) expires: Day,
}

impl PolicyFile {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is not of the format: the error shows the place.
    pub(crate) fn read(path: &Path) -> Result<Self, CliError> {
        let bytes = files::read(path, MAX_SIZE)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            CliError::message(
                codes::POLICY_FILE,
                format!("no UTF-8 from byte {} on", error.utf8_error().valid_up_to()),
            )
            .about(path)
        })?;
        let policy = toml::from_str(&text).map_err(|error| {
            let message = error.message().trim().to_owned();
            let failure = CliError::message(codes::POLICY_FILE, message.clone());
            match error.span() {
                Some(span) => failure.at(Excerpt::new(path, text, span, message)),
                None => failure.about(path),
            }
        })?;
        Ok(Self {
            path: Some(path.to_owned()),
            policy,
        })
    }

    /// The folder that paths in the policy are relative to.
    pub(crate) fn folder(&self) -> &Path {
        let folder = self.path.as_deref().and_then(Path::parent);
        folder.unwrap_or_else(|| Path::new(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_default_is_the_default() {
        assert_eq!(toml::from_str::<Policy>(DEFAULT), Ok(Policy::default()));
    }

    /// Every line that is commented out is of the format, too.
    #[test]
    fn everything_that_the_default_mentions_is_understood() {
        let text: String = DEFAULT
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.contains(" = ") || rest.starts_with("[[") => rest,
                _ => line,
            })
            .flat_map(|line| [line, "\n"])
            .collect();
        let policy: Policy = toml::from_str(&text).unwrap();
        assert_eq!(policy.bounds.iterations, Some(64));
        assert_eq!(policy.allow.kinds.unwrap().len(), 4);
        assert_eq!(policy.waivers.len(), 1);
        assert!(policy.signature.counters_since.is_some());
    }
}
