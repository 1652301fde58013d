//! The pieces of C in `docs/writing-programs.md` compile, and get the verdicts that stand beside them.

use std::fs;
use std::process::Command;

use bpf_verifier::{Verdict, VerifyOptions, verify_object};
use e2e::clang_version;

/// How a piece of C begins; its verdict follows, and a code unless it is accepted.
const FENCE: &str = "```c ";

pub(crate) fn all() {
    if clang_version().is_none() {
        eprintln!("left out: clang-19 is not installed");
        return;
    }
    let text = fs::read_to_string(e2e::root().join("docs/writing-programs.md")).unwrap();
    let pieces: Vec<&str> = text.split(FENCE).skip(1).collect();
    assert!(pieces.len() >= 9, "only {} pieces", pieces.len());
    for (number, piece) in pieces.into_iter().enumerate() {
        let (expected, rest) = piece.split_once('\n').unwrap();
        let (source, _) = rest.split_once("\n```").unwrap();
        assert_eq!(
            verdict(&compile(source)),
            expected,
            "piece {number}:\n{source}"
        );
    }
}

fn compile(source: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let [input, output] = ["mine.c", "mine.o"].map(|name| folder.path().join(name));
    fs::write(&input, format!("{source}\n")).unwrap();
    let flags = "-target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -I ebpf-samples/include -c";
    let status = Command::new("clang-19")
        .current_dir(e2e::root())
        .args(flags.split(' '))
        .arg(&input)
        .arg("-o")
        .arg(&output)
        .status();
    assert!(status.unwrap().success(), "{source}");
    fs::read(output).unwrap()
}

/// In the words of the page.
fn verdict(object: &[u8]) -> String {
    match verify_object(object, &VerifyOptions::default(), &super::worker()).unwrap() {
        Verdict::Accepted(_) => "accept".to_owned(),
        Verdict::Rejected(findings) => {
            let first = findings.first().map_or("", |finding| finding.code.id);
            format!("reject {first}")
        }
        Verdict::Undecided(undecided) => format!("undecided {}", undecided.code.id),
        other => panic!("{other:?}"),
    }
}
