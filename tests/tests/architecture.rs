//! The structure of the workspace that ARCHITECTURE.md promises: who may depend on whom, which
//! crates do without std, and where unsafe code is.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// One crate of the workspace.
struct Rule {
    name: &'static str,
    /// Whether it has to build without std.
    no_std: bool,
    /// The crates of the workspace that it may depend on. Only crates further up in the table are
    /// possible, so that arrows point in one direction.
    uses: &'static [&'static str],
}

const fn rule(name: &'static str, no_std: bool, uses: &'static [&'static str]) -> Rule {
    Rule { name, no_std, uses }
}

const RULES: &[Rule] = &[
    rule("platform-click", true, &[]),
    rule("bpf-object", true, &["platform-click"]),
    rule("bpf-statement", true, &["platform-click"]),
    rule("bpf-trust", true, &["platform-click", "bpf-statement"]),
    rule(
        "bpf-control",
        true,
        &["platform-click", "bpf-statement", "bpf-trust"],
    ),
    rule(
        "bpf-loader",
        true,
        &["platform-click", "bpf-object", "bpf-statement", "bpf-trust"],
    ),
    rule("bpf-runtime", true, &["platform-click", "bpf-object"]),
    rule(
        "bpf-jit",
        true,
        &["platform-click", "bpf-object", "bpf-loader", "bpf-runtime"],
    ),
    rule("code-memory", false, &["bpf-runtime", "bpf-jit"]),
    rule(
        "click-graph",
        true,
        &[
            "platform-click",
            "bpf-object",
            "bpf-statement",
            "bpf-loader",
            "bpf-runtime",
            "bpf-jit",
        ],
    ),
    rule(
        "click-guest",
        true,
        &[
            "platform-click",
            "bpf-statement",
            "bpf-trust",
            "bpf-loader",
            "bpf-jit",
            "click-graph",
        ],
    ),
    rule(
        "click-host",
        false,
        &[
            "platform-click",
            "bpf-object",
            "bpf-statement",
            "bpf-trust",
            "bpf-control",
            "bpf-loader",
            "bpf-runtime",
            "bpf-jit",
            "code-memory",
            "click-graph",
            "click-guest",
        ],
    ),
    rule(
        "bpf-programs",
        false,
        &["platform-click", "bpf-object", "bpf-runtime"],
    ),
    rule("prevail-cpp", false, &[]),
    rule("bpf-checker", true, &["platform-click", "bpf-object"]),
    rule(
        "bpf-verifier",
        false,
        &[
            "platform-click",
            "bpf-object",
            "bpf-runtime",
            "bpf-checker",
            "prevail-cpp",
        ],
    ),
    rule(
        "bpf-hunt",
        false,
        &[
            "platform-click",
            "bpf-object",
            "bpf-runtime",
            "bpf-programs",
            "bpf-checker",
            "bpf-verifier",
        ],
    ),
    rule(
        "bpf-pki",
        false,
        &["platform-click", "bpf-statement", "bpf-trust"],
    ),
    rule(
        "bpfsign",
        false,
        &[
            "platform-click",
            "bpf-object",
            "bpf-statement",
            "bpf-trust",
            "bpf-control",
            "bpf-loader",
            "bpf-runtime",
            "bpf-jit",
            "click-graph",
            "click-guest",
            "click-host",
            "bpf-checker",
            "bpf-verifier",
            "bpf-pki",
        ],
    ),
    rule("xtask", false, &[]),
    rule(
        "bpf-oracles",
        false,
        &[
            "platform-click",
            "bpf-object",
            "bpf-statement",
            "bpf-trust",
            "bpf-loader",
            "bpf-runtime",
            "bpf-jit",
            "code-memory",
            "click-graph",
            "bpf-programs",
            "bpf-checker",
        ],
    ),
    rule("e2e", false, &["platform-click", "click-host", "bpfsign"]),
];

fn workspace() -> Metadata {
    MetadataCommand::new()
        .manifest_path(e2e::root().join("Cargo.toml"))
        .other_options(["--locked".to_owned()])
        .exec()
        .unwrap()
}

fn rule_of(package: &Package) -> &'static Rule {
    RULES
        .iter()
        .find(|rule| rule.name == package.name.as_str())
        .unwrap_or_else(|| panic!("{} is not in the table", package.name))
}

/// The root files of a package's library and programs.
fn crate_roots(package: &Package) -> impl Iterator<Item = String> {
    package
        .targets
        .iter()
        .filter(|target| target.is_lib() || target.is_bin())
        .map(|target| fs::read_to_string(&target.src_path).unwrap())
}

#[test]
fn the_table_is_the_workspace_and_points_upwards() {
    let members: BTreeSet<String> = workspace()
        .workspace_packages()
        .iter()
        .map(|package| package.name.to_string())
        .collect();
    let table: BTreeSet<String> = RULES.iter().map(|rule| rule.name.to_owned()).collect();
    assert_eq!(members, table);
    for (place, rule) in RULES.iter().enumerate() {
        for used in rule.uses {
            assert!(
                RULES[..place].iter().any(|above| above.name == *used),
                "{} may not use {used}, which is not above it",
                rule.name
            );
        }
    }
}

#[test]
fn crates_depend_only_on_what_the_table_allows() {
    let metadata = workspace();
    for package in metadata.workspace_packages() {
        let rule = rule_of(package);
        for dependency in &package.dependencies {
            let ours = dependency.path.is_some();
            if ours && dependency.kind != DependencyKind::Development {
                assert!(
                    rule.uses.contains(&dependency.name.as_str()),
                    "{} depends on {}, which the table does not allow",
                    package.name,
                    dependency.name
                );
            }
        }
    }
}

/// Whether std leaks in is what linking `tests/no_std` finds out; here, that no crate is left out.
#[test]
fn crates_without_std_are_linked_without_it() {
    let metadata = workspace();
    let manifest = fs::read_to_string(e2e::root().join("tests/no_std/Cargo.toml")).unwrap();
    for package in metadata.workspace_packages() {
        let rule = rule_of(package);
        let linked = manifest
            .lines()
            .any(|line| line.starts_with(&format!("{} = {{", package.name)));
        assert_eq!(linked, rule.no_std, "{} in tests/no_std", package.name);
        if rule.no_std {
            for root in crate_roots(package) {
                assert!(root.contains("\n#![no_std]\n"), "{}", package.name);
            }
            for dependency in &package.dependencies {
                let shipped = dependency.kind == DependencyKind::Normal && !dependency.optional;
                let ours = dependency.path.is_some();
                assert!(
                    !shipped || ours || !dependency.uses_default_features,
                    "{} takes {} with its default features, which ask for std",
                    package.name,
                    dependency.name
                );
            }
        }
    }
}

/// Where unsafe code is: in these crates, and in these files or folders of them.
const UNSAFE: &[(&str, &[&str])] = &[
    ("bpf-runtime", &["native/"]),
    ("bpf-jit", &["memory.rs", "program.rs"]),
    ("prevail-cpp", &["bridge.rs"]),
    ("code-memory", &[""]),
    ("click-host", &["devices/ring.rs"]),
    ("bpf-oracles", &["machine_code.rs"]),
];

/// In all other crates, the compiler finds it, wherever it may hide.
#[test]
fn unsafe_code_is_where_it_is_said_to_be() {
    for package in workspace().workspace_packages() {
        let places = UNSAFE.iter().find(|(name, _)| package.name == *name);
        let Some((_, places)) = places else {
            for root in crate_roots(package) {
                assert!(
                    root.contains("\n#![forbid(unsafe_code)]\n"),
                    "{} does not forbid unsafe code",
                    package.name
                );
            }
            continue;
        };
        let source = package.manifest_path.parent().unwrap().join("src");
        for file in rust_files(source.as_std_path()) {
            let text = fs::read_to_string(&file).unwrap();
            let relative = file.strip_prefix(&source).unwrap().to_str().unwrap();
            let allowed = places.iter().any(|place| relative.starts_with(place));
            let code = text.lines().map(|line| line.trim_start());
            let found = code
                .filter(|line| !line.starts_with("//"))
                .any(|line| line.contains("unsafe ") || line.contains("unsafe("));
            assert!(allowed || !found, "{}: unsafe code", file.display());
        }
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// Versions are chosen once, for all crates.
#[test]
fn every_dependency_takes_its_version_from_the_workspace() {
    for package in workspace().workspace_packages() {
        let text = fs::read_to_string(&package.manifest_path).unwrap();
        let mut dependencies = false;
        for line in text.lines() {
            if line.starts_with('[') {
                dependencies = line.ends_with("dependencies]");
            } else if dependencies && !line.trim().is_empty() && !line.starts_with('#') {
                let inherited = line.contains("workspace = true");
                assert!(inherited, "{}: {line}", package.name);
            }
        }
    }
}

/// The packages of a lockfile, each with its versions.
fn locked(file: &Path) -> BTreeSet<(String, String)> {
    let text = fs::read_to_string(file).unwrap();
    let value = |package: &str, key: &str| {
        let start = format!("{key} = \"");
        let line = package.lines().find_map(|line| line.strip_prefix(&start));
        line.map(|line| line.trim_end_matches('"').to_owned())
    };
    text.split("[[package]]")
        .filter(|package| package.contains("\nsource = "))
        .map(|package| {
            let name = value(package, "name").unwrap();
            (name, value(package, "version").unwrap())
        })
        .collect()
}

/// What is verified and tested with one version of a package does not boot with another.
#[test]
fn the_image_takes_the_versions_of_the_workspace() {
    let root = e2e::root();
    let ours = locked(&root.join("Cargo.lock"));
    let images = locked(&root.join("unikernel/image/Cargo.lock"));
    // Versions that do not take the place of each other are other packages.
    let series = |(name, version): &(String, String)| {
        let mut numbers = version.split('.');
        let (major, minor) = (numbers.next().unwrap(), numbers.next().unwrap());
        let minor = if major == "0" { minor } else { "" };
        format!("{name} {major}.{minor}")
    };
    let known: BTreeSet<String> = ours.iter().map(series).collect();
    let other: Vec<_> = images
        .iter()
        .filter(|package| known.contains(&series(package)) && !ours.contains(package))
        .collect();
    assert!(other.is_empty(), "other versions: {other:?}");
}
