//! State directories that are absent, damaged, or cannot be.

use std::fs;

use crate::lab::{CHECK, Lab, RUN, Transcript};

const INIT: &str = "bpfsign state init --state st --trust pki/trust.bpftrust";
const SHOW: &str = "bpfsign state show --state st";

/// Every command that uses a state refuses this one alike, and none makes it anew.
#[track_caller]
fn refused(lab: &Lab, seen: &mut Transcript, what: &str, code: &str) {
    let shown = lab.refuses(SHOW, code, 31);
    let first_line = shown.err.lines().next();
    for command in [CHECK, RUN] {
        let ended = lab.refuses(command, code, 31);
        assert_eq!(ended.err.lines().next(), first_line);
    }
    seen.add(what, &shown);
}

#[test]
fn states_that_are_absent_or_cannot_be() {
    let lab = Lab::running();
    let mut seen = Transcript::default();
    seen.add("there is one", &lab.refuses(INIT, "BPF-L032", 31));
    fs::remove_dir_all(lab.path("st")).unwrap();
    refused(&lab, &mut seen, "absent", "BPF-L030");
    fs::create_dir(lab.path("st")).unwrap();
    refused(&lab, &mut seen, "an empty directory", "BPF-L030");
    fs::remove_dir(lab.path("st")).unwrap();
    lab.write("st", b"");
    refused(&lab, &mut seen, "a file", "BPF-L033");
    seen.add("a file", &lab.refuses(INIT, "BPF-L033", 31));
    for (what, command, code, exit) in [
        (
            "a path through a file",
            "bpfsign state init --state prog.o/st --trust pki/trust.bpftrust",
            "BPF-L033",
            31,
        ),
        (
            "a path through what is absent",
            "bpfsign state init --state absent/st --trust pki/trust.bpftrust",
            "BPF-L033",
            31,
        ),
        (
            "no trust bundle",
            "bpfsign state init --state new --trust absent.bpftrust",
            "BPF-P901",
            3,
        ),
        (
            "something else as a trust bundle",
            "bpfsign state init --state new --trust prog.o.bpfsig",
            "BPF-T021",
            21,
        ),
    ] {
        seen.add(what, &lab.refuses(command, code, exit));
    }
    insta::assert_snapshot!("states_that_are_absent_or_cannot_be", seen.text());
}

#[test]
fn damaged_states() {
    let lab = Lab::running();
    let mut seen = Transcript::default();
    for (what, file, damage) in [
        (
            "store emptied",
            "st/store",
            (|_| Vec::new()) as fn(&[u8]) -> Vec<u8>,
        ),
        ("store zeroed", "st/store", |bytes| vec![0; bytes.len()]),
        ("store cut off", "st/store", |bytes| {
            bytes[..bytes.len() - 1].to_vec()
        }),
        ("store too long", "st/store", |bytes| [bytes, &[0]].concat()),
        ("a bit in both slots", "st/store", |bytes| {
            let mut bytes = bytes.to_vec();
            let half = bytes.len() / 2;
            bytes[40] ^= 1;
            bytes[half + 40] ^= 1;
            bytes
        }),
        ("trust bundle emptied", "st/trust", |_| Vec::new()),
        ("a bit in the trust bundle", "st/trust", |bytes| {
            let mut bytes = bytes.to_vec();
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            bytes
        }),
        ("log emptied", "st/audit", |_| Vec::new()),
        ("log cut off", "st/audit", |bytes| {
            bytes[..bytes.len() - 1].to_vec()
        }),
        ("a bit in the log", "st/audit", |bytes| {
            let mut bytes = bytes.to_vec();
            bytes[20] ^= 1;
            bytes
        }),
    ] {
        let good = lab.read(file);
        lab.write(file, &damage(&good));
        refused(&lab, &mut seen, what, "BPF-L031");
        // It is not made anew on demand either.
        lab.refuses(INIT, "BPF-L032", 31);
        lab.write(file, &good);
    }
    for file in ["st/trust", "st/audit"] {
        let good = lab.read(file);
        fs::remove_file(lab.path(file)).unwrap();
        refused(&lab, &mut seen, &format!("{file} is missing"), "BPF-L031");
        lab.refuses(INIT, "BPF-L032", 31);
        lab.write(file, &good);
    }
    let good = lab.read("st/store");
    fs::remove_file(lab.path("st/store")).unwrap();
    refused(&lab, &mut seen, "st/store is missing", "BPF-L030");
    lab.refuses(INIT, "BPF-L032", 31);
    lab.write("st/store", &good);

    lab.run(CHECK).ok();
    insta::assert_snapshot!("damaged_states", seen.text());
}

/// One slot may be lost: that is what the other is for.
#[test]
fn one_damaged_slot_is_survived() {
    let lab = Lab::running();
    let good = lab.read("st/store");
    let half = good.len() / 2;
    let mut survived = 0;
    for slot in [0..half, half..good.len()] {
        let mut bytes = good.clone();
        bytes[slot].fill(0);
        lab.write("st/store", &bytes);
        let ended = lab.run(CHECK);
        assert!(matches!(ended.exit, 0 | 31), "{ended}");
        survived += usize::from(ended.exit == 0);
        lab.write("st/store", &good);
    }
    assert!(survived >= 1);
}
