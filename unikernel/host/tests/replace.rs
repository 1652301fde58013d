//! Programs that take the place of others while packets flow.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

mod common;
#[path = "common/signing.rs"]
mod signing;

use std::sync::mpsc;
use std::thread;

use click_graph::{Config, Progress, ReplaceError};
use click_host::{Console, Dataplane};
use platform_click::ExitCode;
use signing::{Site, sample};

/// Starts a configuration on a site, with `DIR` for its folder.
fn start<'a>(site: &Site, text: &str, console: &'a mut dyn Console) -> Dataplane<'a> {
    let config = Config::parse(&site.folder.source(text)).unwrap();
    Dataplane::start(config, &site.options(&[]), console)
        .unwrap_or_else(|error| panic!("{error:?}"))
}

fn number(dataplane: &mut Dataplane<'_>, handler: &str) -> u64 {
    dataplane.read(handler).unwrap().parse().unwrap()
}

/// Writes arguments, with `DIR` for the site's folder.
fn write(site: &Site, dataplane: &mut Dataplane<'_>, call: &str) -> Result<(), String> {
    let source = site.folder.source(call);
    let written = dataplane.write(source.text());
    let folder = site.folder.path("");
    written.map_err(|error| error.to_string().replace(folder.to_str().unwrap(), "DIR/"))
}

const MIGRATION: &str = "s :: InfiniteSource(LENGTH 60, LIMIT 6) -> in :: Counter
    -> f :: BPFFilter(FILE DIR/v1.o, NAME state-migration) -> out :: Counter -> Discard";

/// A site with both versions of the sample, under one name.
fn migration() -> Site {
    let site = Site::new();
    for (file, counter) in [("v1", 1), ("v2", 2)] {
        let object = sample(&format!("state-migration-{file}"));
        site.sign(file, &object, "state-migration", counter);
    }
    site
}

fn run(dataplane: &mut Dataplane<'_>) {
    dataplane.run(|| false).unwrap();
}

#[test]
fn state_moves_from_one_version_to_the_next() {
    let site = migration();
    let mut talk = |_: &str| {};
    let mut dataplane = start(&site, MIGRATION, &mut talk);
    run(&mut dataplane);
    assert_eq!(number(&mut dataplane, "out.count"), 6);
    assert_eq!(
        dataplane.read("f.map.packets_v1").unwrap(),
        "00000000 06000000\n"
    );

    write(&site, &mut dataplane, "f.config FILE DIR/v2.o").unwrap();
    assert_eq!(number(&mut dataplane, "f.counter"), 2);
    assert_eq!(dataplane.read("f.last_swap").unwrap(), "done");
    dataplane.write("s.reset").unwrap();
    run(&mut dataplane);
    // Six before, four after: version 2 knows what version 1 counted.
    assert_eq!(number(&mut dataplane, "out.count"), 10);
    assert_eq!(number(&mut dataplane, "f.count"), 12);
    assert_eq!(number(&mut dataplane, "f.filtered"), 2);
    let migrated = dataplane.read("f.map.packets_v2").unwrap();
    assert_eq!(migrated, "00000000 0a000000000000000100000000000000\n");
}

#[test]
fn a_refused_program_changes_nothing() {
    let site = migration();
    site.sign_sample("round-robin");
    site.sign_sample("pass");
    let v2 = sample("state-migration-v2");
    // Another object under a counter that is taken.
    site.sign("old", &v2, "state-migration", 1);
    let mut talk = |_: &str| {};
    let mut dataplane = start(&site, MIGRATION, &mut talk);
    run(&mut dataplane);
    let damaged = site.folder.path("v2.o.bpfsig");
    let mut bundle = std::fs::read(&damaged).unwrap();
    *bundle.last_mut().unwrap() ^= 1;
    site.folder.write("damaged.bpfsig", &bundle);
    let handlers = [
        "digest",
        "counter",
        "count",
        "config",
        "maps",
        "map.packets_v1",
    ];
    let snapshot = |dataplane: &mut Dataplane<'_>| {
        handlers.map(|handler| dataplane.read(&format!("f.{handler}")).unwrap())
    };
    let before = snapshot(&mut dataplane);
    let state = std::fs::read(site.folder.path("st/store")).unwrap();
    for (arguments, reason) in [
        ("FILE DIR/missing.o", "cannot read `DIR/missing.o`"),
        (
            "FILE DIR/v2.o, SIGNATURE DIR/none",
            "`DIR/v2.o` is refused: ",
        ),
        (
            "FILE DIR/v2.o, SIGNATURE DIR/damaged.bpfsig",
            "`DIR/v2.o` is refused: ",
        ),
        (
            "FILE DIR/v2.o, SIGNATURE DIR/v1.o.bpfsig",
            "`DIR/v2.o` is refused: ",
        ),
        ("FILE DIR/old.o", "`DIR/old.o` is refused: "),
        ("FILE DIR/pass.o", "`DIR/pass.o` is refused: "),
        (
            "FILE DIR/round-robin.o, NAME round-robin",
            "`DIR/round-robin.o` is refused: ",
        ),
        ("FILE DIR/v2.o, PROGRAM other", "`DIR/v2.o` is refused: "),
        ("FILE DIR/v2.o, MAXINSNS 1", "`DIR/v2.o` is refused: "),
        ("FILES DIR/v2.o", "`BPFFilter` has no argument FILES"),
        (
            "FILE DIR/v2.o, TRUST DIR/mine",
            "TRUST is not for the configuration to decide",
        ),
    ] {
        for handler in ["config", "reconfigure"] {
            let call = format!("f.{handler} {arguments}");
            let Err(error) = write(&site, &mut dataplane, &call) else {
                // In the background, it is refused later.
                while dataplane.read("f.last_swap").unwrap() == "pending" {
                    dataplane.round().unwrap();
                }
                let folder = site.folder.path("");
                let why = dataplane.read("f.last_swap").unwrap();
                let why = why.replace(folder.to_str().unwrap(), "DIR/");
                assert!(why.starts_with(reason), "{call}: {why}");
                continue;
            };
            assert!(error.contains(reason), "{call}: {error}");
        }
        assert_eq!(snapshot(&mut dataplane), before, "{arguments}");
        let now = std::fs::read(site.folder.path("st/store")).unwrap();
        assert_eq!(now, state, "{arguments}");
    }
    dataplane.write("s.reset").unwrap();
    run(&mut dataplane);
    assert_eq!(number(&mut dataplane, "out.count"), 10);
}

#[test]
fn a_map_of_another_shape_is_refused_before_anything_is_committed() {
    let site = Site::new();
    let v1 = sample("state-migration-v1");
    site.sign("v1", &v1, "state-migration", 1);
    // The same program with room for another entry in its map.
    let wider = with_another_shape(&v1);
    site.sign("v2", &wider, "state-migration", 2);
    let mut talk = |_: &str| {};
    let mut dataplane = start(&site, MIGRATION, &mut talk);
    let error = write(&site, &mut dataplane, "f.config FILE DIR/v2.o").unwrap_err();
    assert!(error.contains("packets_v1"), "{error}");
    let planned = dataplane.plan("f", site.folder.source("FILE DIR/v2.o").text());
    let error = dataplane.preparer().prepare(planned.unwrap()).unwrap_err();
    assert_eq!(error.code().exit, ExitCode::Policy);
    // The counter was not written: version 1 may still start.
    drop(dataplane);
    let mut talk = |_: &str| {};
    start(&site, MIGRATION, &mut talk);
}

/// An object whose map has two entries instead of one: in BTF, `__uint(max_entries, 1)` is an array
/// type, whose number of elements is the third of its numbers.
fn with_another_shape(object: &[u8]) -> Vec<u8> {
    use bpf_object::{Object, ParseOptions};
    let max_entries = |object: &[u8]| {
        let parsed = Object::parse(object, ParseOptions::default()).ok()?;
        let image = parsed.link(&parsed.programs()[0]).ok()?;
        Some((image.maps().first()?.max_entries, image.code().len()))
    };
    let before = max_entries(object).unwrap();
    let ones = (0..object.len() - 4).filter(|at| object[*at..*at + 4] == [1, 0, 0, 0]);
    for at in ones {
        let mut changed = object.to_vec();
        changed[at] = 2;
        if max_entries(&changed) == Some((2, before.1)) {
            return changed;
        }
    }
    panic!("no number of the object is that of the map's entries");
}

#[test]
fn a_process_without_trust_replaces_nothing() {
    let site = migration();
    let mut talk = |_: &str| {};
    let text = "InfiniteSource(LIMIT 1) -> c :: Counter -> Discard";
    let config = Config::parse(&site.folder.source(text)).unwrap();
    let dataplane = Dataplane::start(config, &click_host::Options::default(), &mut talk).unwrap();
    let error = dataplane.plan("c", "").unwrap_err();
    assert!(matches!(error, ReplaceError::NoProgram(_)));
}

/// Programs are prepared in a thread of their own while a generator runs; each packet that is made
/// gets to the end.
#[test]
fn a_thousand_swaps_lose_no_packet() {
    const SWAPS: u64 = 1000;
    let site = Site::new();
    site.sign_sample("round-robin");
    let text = "s :: InfiniteSource(LENGTH 60) -> in :: Counter
        -> c :: BPFClassifier(FILE DIR/round-robin.o);
        c [0] -> even :: Counter -> Discard; c [1] -> odd :: Counter -> Discard";
    let mut talk = |_: &str| {};
    let mut dataplane = start(&site, text, &mut talk);
    let (to_prepare, jobs) = mpsc::channel();
    let (done, ready) = mpsc::channel();
    let mut preparer = dataplane.preparer();
    let preparing = thread::spawn(move || {
        for job in jobs {
            // Nobody waits for the last one.
            let _ = done.send(preparer.prepare(job).unwrap());
        }
    });
    let plan = |dataplane: &Dataplane<'_>| dataplane.plan("c", "").unwrap();
    to_prepare.send(plan(&dataplane)).unwrap();
    let mut swaps = 0;
    while swaps < SWAPS {
        assert_eq!(dataplane.round().unwrap(), Progress::Running);
        if let Ok(ready) = ready.try_recv() {
            drop(dataplane.swap(ready).unwrap());
            swaps += 1;
            to_prepare.send(plan(&dataplane)).unwrap();
        }
    }
    drop(to_prepare);
    preparing.join().unwrap();
    let count = |dataplane: &mut Dataplane<'_>, name| number(dataplane, &format!("{name}.count"));
    let made = count(&mut dataplane, "s");
    let (even, odd) = (count(&mut dataplane, "even"), count(&mut dataplane, "odd"));
    assert!(made >= SWAPS, "{made}");
    assert_eq!(count(&mut dataplane, "in"), made);
    assert_eq!(even + odd, made);
    // The turn is in a map, which goes from program to program: none is ever skipped.
    assert_eq!(even - odd, made % 2);
    assert_eq!(number(&mut dataplane, "c.swaps"), SWAPS);
    assert_eq!(number(&mut dataplane, "c.filtered"), 0);
}
