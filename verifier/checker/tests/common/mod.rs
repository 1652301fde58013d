//! Programs as text, and what the checker says about them. The text is `bpf_programs::assemble`'s.
#![allow(dead_code, reason = "each test file uses a part of it")]

use bpf_checker::{Facts, Finding, Options, Verdict, check};
use bpf_object::{Image, ImageParts};
use bpf_programs::{assemble, default_data, default_maps, read};
use platform_click::ProgramKind;

/// A program with the maps and the data that all tests use.
pub(crate) fn parts(kind: ProgramKind, text: &str) -> ImageParts {
    ImageParts {
        kind,
        maps: default_maps(),
        data: default_data(),
        ..read(text)
    }
}

pub(crate) fn image(kind: ProgramKind, text: &str) -> Image {
    Image::new(parts(kind, text)).unwrap_or_else(|error| panic!("{error}: {text}"))
}

pub(crate) fn verdict(text: &str) -> Verdict {
    check(&image(ProgramKind::Rewriter, text), &Options::default())
}

/// The facts of a program that must be accepted; a rewriter, which may call every helper and
/// returns 0 or 1.
pub(crate) fn accepted(text: &str) -> Facts {
    match verdict(text) {
        Verdict::Accepted(facts) => facts,
        other => panic!("not accepted: {other:?}\n{text}"),
    }
}

pub(crate) fn findings(text: &str) -> Vec<Finding> {
    match verdict(text) {
        Verdict::Rejected(findings) => findings,
        other => panic!("not refused: {other:?}\n{text}"),
    }
}

/// Refused with one finding, of the code, at the marked instruction.
pub(crate) fn check_refused(code: &str, text: &str) {
    let findings = findings(text);
    let found: Vec<_> = findings
        .iter()
        .map(|finding| (finding.code().id, Some(finding.slot)))
        .collect();
    let want = assemble(text).marked;
    assert!(want.is_some(), "no mark: {text}");
    assert_eq!(found, [(code, want)], "{findings:?}\n{text}");
}
