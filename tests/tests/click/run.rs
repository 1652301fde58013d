//! Running a test in a folder of its own, with our programs under Click's names.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::compare::compare;
use super::format::{Test, read};

/// Seconds that a script may take, as Click's own runner gives it.
const TIMEOUT: &str = "45";

/// Exit code of `timeout` when time is up.
const TIMED_OUT: i32 = 124;

/// What came of the tests of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    /// The file says that it needs something that is not here.
    Skipped,
    Failed(String),
}

/// A folder with `click` and the tools that do what one of its options does.
pub(crate) struct Programs(TempDir);

/// `click-flatten` is `click -q -o -`. `click-buildtool provides` says whether there are element
/// classes, and some other things.
const TOOLS: &[(&str, &str)] = &[
    ("click-flatten", "exec click -q -o - \"$@\""),
    (
        "click-buildtool",
        "test \"$1\" = provides || exit 1; shift
classes=$(click --list | sed 's/ .*//')
for it; do echo \"$classes userlevel int64\" | tr ' ' '\\n' | grep -qx \"$it\" || exit 1; done",
    ),
];

impl Programs {
    /// `program` under the name `click`.
    pub(crate) fn new(program: &Path) -> Self {
        let folder = TempDir::new().unwrap();
        symlink(program, folder.path().join("click")).unwrap();
        for (name, script) in TOOLS {
            let path = folder.path().join(name);
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self(folder)
    }

    /// Runs the tests of a file.
    pub(crate) fn run(&self, path: &Path) -> Outcome {
        let tests = read(path);
        assert!(!tests.is_empty(), "{} has no tests", path.display());
        for test in &tests {
            match self.run_test(test) {
                Outcome::Passed => {}
                other => return other,
            }
        }
        Outcome::Passed
    }

    fn run_test(&self, test: &Test) -> Outcome {
        let (folder, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        for (name, text) in &test.files {
            let path = match name.as_str() {
                "stdin" => outside.path().join(name),
                _ => folder.path().join(name),
            };
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes(text)).unwrap();
        }
        let run = Run {
            programs: self.0.path(),
            folder: folder.path(),
            outside: outside.path(),
        };
        if !test.require.is_empty() && run.script(&test.require) != Some(0) {
            return Outcome::Skipped;
        }
        let exit = run.script(&test.script);
        let errors = || read_text(&run.place("stderr"));
        match exit {
            Some(0) => {}
            Some(TIMED_OUT) => return Outcome::Failed("timed out".into()),
            exit => return Outcome::Failed(format!("exit code {exit:?}:\n{}", errors())),
        }
        for expected in &test.expected {
            let text = read_text(&run.place(&expected.file));
            if let Err(difference) = compare(test, &expected.file, &text) {
                return Outcome::Failed(format!("{difference}\nstderr:\n{}", errors()));
            }
        }
        Outcome::Passed
    }
}

struct Run<'a> {
    programs: &'a Path,
    /// Where the script runs.
    folder: &'a Path,
    /// Where the script itself, its input and its output are.
    outside: &'a Path,
}

impl Run<'_> {
    /// Runs a script, of which each command must succeed, and gives its exit code.
    fn script(&self, script: &str) -> Option<i32> {
        let file = self.outside.join("script");
        fs::write(&file, bytes(script)).unwrap();
        let create = |name: &str| fs::File::create(self.outside.join(name)).unwrap();
        let stdin = fs::File::open(self.outside.join("stdin"));
        let path = std::env::var("PATH").unwrap();
        let status = Command::new("timeout")
            .args(["-k", "1", TIMEOUT, "/bin/sh", "-e"])
            .arg(&file)
            .current_dir(self.folder)
            .env("PATH", format!("{}:{path}", self.programs.display()))
            .env("LC_ALL", "C")
            .env_remove("VALGRIND")
            .env_remove("CLICKPATH")
            .stdin(stdin.map_or_else(|_| Stdio::null(), Stdio::from))
            .stdout(create("stdout"))
            .stderr(create("stderr"))
            .status();
        status.unwrap().code()
    }

    fn place(&self, file: &str) -> PathBuf {
        match file {
            "stdout" | "stderr" => self.outside.join(file),
            _ => self.folder.join(file),
        }
    }
}

/// The bytes that were read as characters, one by one.
fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(c).unwrap()).collect()
}

fn read_text(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    bytes.into_iter().map(char::from).collect()
}
