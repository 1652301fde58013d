//! A signer and a loader in a directory of their own, and the commands that are run in it.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "shared by several tests, which use different parts of it and fail by panicking"
)]

mod transcript;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

use bpf_loader::{RELEASE_TIME, Record, StateDir};
use bpf_pki::{KeyRef, SigningIdentity, sign_statement};
use bpf_statement::{Bundle, Claims, Statement, UnixTime};
use bpf_trust::Role;
use platform_click::Digest;
use tempfile::TempDir;

#[allow(unused_imports, reason = "as above")]
pub use transcript::Transcript;

/// Signs the program.
pub const SIGN: &str = "bpfsign verify-and-sign prog.o --key pki/signer.pem";
/// Asks what the loader would say about the program.
pub const CHECK: &str = "bpfsign check prog.o --trust pki/trust.bpftrust --state st";
/// Runs the program for one packet.
pub const RUN: &str = "bpfclick --trust pki/trust.bpftrust --state st run.click";

const RUN_CLICK: &str = "InfiniteSource(LIMIT 1) -> BPFFilter(FILE prog.o) -> Discard;\n";

/// The directory. In it lie keys (`pki/`), a loader's state (`st/`), the sample `target-port` as
/// `prog.o`, signed, and a configuration that runs it.
pub struct Lab {
    dir: TempDir,
    /// What the state recorded of the program when it was admitted last.
    admitted: Option<Record>,
}

/// How a command ended.
#[derive(Clone, Debug)]
pub struct Ended {
    pub command: String,
    pub exit: i32,
    pub out: String,
    pub err: String,
}

/// Everything below a directory: mode and contents.
pub type Files = BTreeMap<PathBuf, (u32, Contents)>;

#[derive(Clone, PartialEq, Eq)]
pub enum Contents {
    Directory,
    Bytes(Vec<u8>),
    /// Too long to be read: its length and when it was last written.
    Long(u64, SystemTime),
}

impl core::fmt::Debug for Contents {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Directory => f.write_str("directory"),
            Self::Bytes(bytes) => write!(f, "{} bytes ({:.16})", bytes.len(), Digest::of(bytes)),
            Self::Long(length, written) => write!(f, "{length} bytes, {written:?}"),
        }
    }
}

/// The present time, as loaders reckon it.
pub fn now() -> UnixTime {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    UnixTime::from_secs(since_1970.unwrap().as_secs()).max(RELEASE_TIME)
}

impl Lab {
    /// A loader that has not admitted anything yet.
    pub fn new() -> Self {
        static FILES: OnceLock<Files> = OnceLock::new();
        let files = FILES.get_or_init(|| {
            let lab = Self::empty();
            lab.write("prog.o", &sample("target-port"));
            lab.write("run.click", RUN_CLICK.as_bytes());
            lab.run("bpfsign pki init --dir pki").ok();
            lab.run(SIGN).ok();
            lab.run("bpfsign state init --state st --trust pki/trust.bpftrust")
                .ok();
            lab.files()
        });
        Self::of(files)
    }

    /// A loader that has admitted the program.
    pub fn running() -> Self {
        static FILES: OnceLock<Files> = OnceLock::new();
        let files = FILES.get_or_init(|| {
            let mut lab = Self::new();
            lab.admit();
            lab.files()
        });
        let mut lab = Self::of(files);
        lab.admitted = lab.record();
        assert!(lab.admitted.is_some());
        lab
    }

    pub fn empty() -> Self {
        Self {
            dir: TempDir::with_prefix("bpf-lab-").unwrap(),
            admitted: None,
        }
    }

    fn of(files: &Files) -> Self {
        let lab = Self::empty();
        for (path, (mode, contents)) in files {
            let path = lab.dir.path().join(path);
            match contents {
                Contents::Directory => fs::create_dir(&path).unwrap(),
                Contents::Bytes(bytes) => fs::write(&path, bytes).unwrap(),
                Contents::Long(..) => panic!("{} is too long", path.display()),
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
        }
        lab
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    /// Runs a command line, which is split at blanks, in the directory.
    pub fn run(&self, command: &str) -> Ended {
        let mut words = command.split_whitespace();
        let program = match words.next().unwrap() {
            "bpfsign" => env!("CARGO_BIN_EXE_bpfsign-e2e"),
            "bpfclick" => env!("CARGO_BIN_EXE_bpfclick-e2e"),
            "bpfsign-swapped" => env!("CARGO_BIN_EXE_bpfsign-swapped"),
            other => panic!("there is no command {other}"),
        };
        let output = Command::new(program)
            .args(words)
            .current_dir(self.dir.path())
            .env_remove("CLICOLOR_FORCE")
            .output()
            .unwrap();
        Ended {
            command: command.to_owned(),
            exit: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs the program, and remembers what the state records of it.
    #[track_caller]
    pub fn admit(&mut self) {
        self.run(CHECK).ok();
        self.run(RUN).ok();
        self.admitted = self.record();
        assert!(self.admitted.is_some());
    }

    /// Runs a command that has to end with this diagnostic and exit code, and to change nothing.
    #[track_caller]
    pub fn refuses(&self, command: &str, code: &str, exit: i32) -> Ended {
        let before = self.files();
        let ended = self.run(command);
        assert_eq!((ended.code(), ended.exit), (code, exit), "{ended}");
        assert_eq!(ended.out, "", "{ended}");
        ended.assert_form();
        assert_eq!(self.files(), before, "{ended}");
        ended
    }

    /// `bpfsign check` and `bpfclick` refuse the program for one reason, and what was admitted
    /// before is still what the state records.
    #[track_caller]
    pub fn loader_refuses(&self, code: &str, exit: i32) {
        self.refuses(CHECK, code, exit);
        self.refuses(RUN, code, exit);
        if self.admitted.is_some() {
            assert_eq!(self.record(), self.admitted);
        }
    }

    /// What the state records of the program.
    pub fn record(&self) -> Option<Record> {
        let state = StateDir::open(&self.path("st")).unwrap();
        let records = &state.snapshot().records;
        let found = records.iter().find(|record| record.name.as_str() == "prog");
        found.cloned()
    }

    /// What the bundle of the program says.
    pub fn claims(&self) -> Claims {
        let bundle = self.read("prog.o.bpfsig");
        let bundle = Bundle::parse(&bundle).unwrap();
        Statement::decode(bundle.payload())
            .unwrap()
            .claims()
            .clone()
    }

    /// Signs another statement with the signer's key, as a signer does who is deceived, old, or not
    /// honest. What it starts from is the bundle there is, about the object there is, one version
    /// later.
    pub fn forge(&self, change: impl FnOnce(&mut Claims)) {
        let mut claims = self.claims();
        claims.object = Digest::of(&self.read("prog.o"));
        claims.counter += 1;
        change(&mut claims);
        let key = KeyRef::File(self.path("pki/signer.pem"));
        let identity = SigningIdentity::load(&key, Role::Verifier).unwrap();
        let statement = Statement::new(claims).unwrap();
        let bundle = sign_statement(&statement, &identity).unwrap();
        self.write("prog.o.bpfsig", &bundle);
    }

    /// Everything in the directory.
    pub fn files(&self) -> Files {
        let mut files = Files::new();
        collect(self.dir.path(), Path::new(""), &mut files);
        files
    }
}

/// Longer files are not read.
const LONG: u64 = 16 << 20;

fn collect(root: &Path, below: &Path, files: &mut Files) {
    for entry in fs::read_dir(root.join(below)).unwrap() {
        let entry = entry.unwrap();
        let path = below.join(entry.file_name());
        let metadata = entry.metadata().unwrap();
        let contents = if metadata.is_dir() {
            collect(root, &path, files);
            Contents::Directory
        } else if metadata.len() > LONG {
            Contents::Long(metadata.len(), metadata.modified().unwrap())
        } else {
            Contents::Bytes(fs::read(entry.path()).unwrap())
        };
        files.insert(path, (metadata.permissions().mode() & 0o7777, contents));
    }
}

impl Ended {
    /// The command did what it should.
    #[track_caller]
    pub fn ok(&self) -> &Self {
        assert_eq!(self.exit, 0, "{self}");
        self
    }

    /// The JSON that a command which did what it should has printed.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.ok().out).unwrap()
    }

    /// The command ended with this exit code.
    #[track_caller]
    pub fn exit_is(&self, exit: i32) {
        assert_eq!(self.exit, exit, "{self}");
    }

    /// The diagnostic of an error.
    pub fn code(&self) -> &str {
        let first = self.err.lines().next().unwrap_or_default();
        let code = first
            .split_once("error[")
            .and_then(|(_, rest)| rest.split_once("]: "));
        code.map_or("none", |(code, _)| code)
    }

    /// An error is one line, and below it help. Where it is about a place in a configuration, the
    /// line starts with the place, and the line of the configuration stands between.
    #[track_caller]
    fn assert_form(&self) {
        let (first, rest) = self.err.split_once('\n').unwrap();
        let is_picture = |line: &str| {
            line.trim_start_matches(|c| " 0123456789".contains(c))
                .starts_with('|')
        };
        let picture = rest.lines().take_while(|line| is_picture(line)).count();
        let has_place = !first.starts_with("error[");
        assert_eq!(picture, if has_place { 3 } else { 0 }, "{self}");
        let mut help = rest.lines().skip(picture).peekable();
        assert!(help.peek().is_some(), "{self}");
        assert!(
            help.all(|line| line.trim_start().starts_with("= help: ")),
            "{self}"
        );
    }
}

impl core::fmt::Display for Ended {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "$ {}\n{}{}", self.command, self.out, self.err)?;
        write!(f, "# exit {}", self.exit)
    }
}

/// The object of an accepted sample.
pub fn sample(name: &str) -> Vec<u8> {
    let path = e2e::root().join(format!("ebpf-samples/accept/{name}.o"));
    fs::read(path).unwrap()
}
