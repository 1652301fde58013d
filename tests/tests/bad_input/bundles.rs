//! Bundles and trust bundles that do not fit, are damaged, or are not there.

use bpf_loader::{AdmitRequest, Expectation, StateDir, admit};
use bpf_statement::Name;
use p256::ecdsa::Signature;

use crate::lab::{CHECK, Lab, RUN, SIGN, Transcript, now, sample};

/// `bpfsign check` and `bpfclick` refuse for one reason, in the same words.
#[track_caller]
fn refused(lab: &Lab, seen: &mut Transcript, what: &str, code: &str, exit: i32) {
    let check = lab.refuses(CHECK, code, exit);
    let run = lab.refuses(RUN, code, exit);
    let reason = |text: &str| {
        let line = text.lines().next().unwrap();
        let reason = line
            .split_once(": ")
            .and_then(|(_, rest)| rest.rsplit_once(": "));
        reason.map(|(_, reason)| reason.to_owned())
    };
    assert_eq!(reason(&check.err), reason(&run.err));
    seen.add(what, &check);
}

#[test]
fn bundles_that_do_not_count() {
    let lab = Lab::running();
    let mut seen = Transcript::default();
    let good = lab.read("prog.o.bpfsig");

    lab.write("prog.o", &sample("pass"));
    refused(&lab, &mut seen, "for another object", "BPF-L003", 25);
    lab.write("prog.o", &sample("target-port"));

    std::fs::remove_file(lab.path("prog.o.bpfsig")).unwrap();
    refused(&lab, &mut seen, "absent", "BPF-L001", 20);

    // Where it ends depends on the lengths of the signatures on certificates.
    lab.write("prog.o.bpfsig", &good[..good.len() - 1]);
    lab.loader_refuses("BPF-S001", 21);

    let (message, signature) = good.split_at(good.len() - 64);
    let low = Signature::from_slice(signature).unwrap();
    let (r, s) = low.split_scalars();
    let high = Signature::from_scalars(*r, -*s).unwrap().to_bytes();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    for (what, bytes, code, exit) in [
        ("empty", Vec::new(), "BPF-S001", 21),
        ("cut off after a byte", good[..1].to_vec(), "BPF-S001", 21),
        (
            "cut off in the middle",
            good[..good.len() / 2].to_vec(),
            "BPF-S001",
            21,
        ),
        (
            "a trust bundle",
            lab.read("pki/trust.bpftrust"),
            "BPF-S001",
            21,
        ),
        (
            "a high s",
            [message, high.as_slice()].concat(),
            "BPF-T017",
            21,
        ),
        (
            "another signature",
            [message, &[1; 64]].concat(),
            "BPF-T018",
            21,
        ),
    ] {
        lab.write("prog.o.bpfsig", &bytes);
        refused(&lab, &mut seen, what, code, exit);
    }

    lab.write("prog.o.bpfsig", &good);
    lab.run("bpfsign verify-and-sign prog.o --key pki/signer.pem --name other")
        .exit_is(2);
    lab.run("bpfsign verify-and-sign prog.o --key pki/signer.pem --name other --counter 1")
        .ok();
    refused(&lab, &mut seen, "for another name", "BPF-L004", 28);
    insta::assert_snapshot!("bundles_that_do_not_count", seen.text());
}

#[test]
fn older_counter() {
    let mut lab = Lab::running();
    lab.run(&format!("{SIGN} --counter 7")).ok();
    lab.admit();
    lab.run(&format!("{SIGN} --counter 6")).ok();
    let mut seen = Transcript::default();
    refused(&lab, &mut seen, "older", "BPF-L012", 27);
    insta::assert_snapshot!("older_counter", seen.text());
}

/// At each of its bytes, without starting a program for each.
#[test]
fn bundle_cut_off_at_every_byte() {
    let lab = Lab::running();
    let (object, bundle) = (lab.read("prog.o"), lab.read("prog.o.bpfsig"));
    let state = StateDir::open(&lab.path("st")).unwrap();
    let trust = state.read_trust(&lab.read("pki/trust.bpftrust")).unwrap();
    let expectation = Expectation::object(vec![Name::new("prog").unwrap()]);
    let check = |bundle: &[u8]| {
        admit(&AdmitRequest {
            object: &object,
            bundle: Some(bundle),
            expectation: &expectation,
            trust: &trust,
            state: state.snapshot(),
            clock: Some(now()),
        })
    };
    check(&bundle).unwrap();
    for length in 0..bundle.len() {
        let refusal = check(&bundle[..length]).unwrap_err();
        let code = refusal.code();
        assert_eq!((code.id, code.exit.number()), ("BPF-S001", 21), "{length}");
    }
}

#[test]
fn what_an_element_asks_for() {
    let lab = Lab::running();
    let mut seen = Transcript::default();
    for (options, code, exit) in [
        ("--name other", "BPF-L004", 28),
        ("--name Other", "BPF-S011", 2),
        ("--kind classifier", "BPF-L005", 28),
        ("--kind filter --program absent", "BPF-L006", 28),
        ("--bundle absent.bpfsig", "BPF-P901", 3),
        ("--bundle pki", "BPF-P901", 3),
    ] {
        let command = format!("{CHECK} {options}");
        seen.add(options, &lab.refuses(&command, code, exit));
    }
    for (arguments, code) in [
        ("FILE prog.o, NAME other", "BPF-L004"),
        ("FILE prog.o, PROGRAM absent", "BPF-L006"),
    ] {
        let config = format!("InfiniteSource(LIMIT 1) -> BPFFilter({arguments}) -> Discard;\n");
        lab.write("run.click", config.as_bytes());
        seen.add(arguments, &lab.refuses(RUN, code, 28));
    }
    let config = "InfiniteSource(LIMIT 1) -> BPFRewriter(FILE prog.o) -> Discard;\n";
    lab.write("run.click", config.as_bytes());
    seen.add("another kind", &lab.refuses(RUN, "BPF-L005", 28));
    insta::assert_snapshot!("what_an_element_asks_for", seen.text());
}

#[test]
fn trust_bundles_that_do_not_count() {
    let (lab, other) = (Lab::running(), Lab::empty());
    other.run("bpfsign pki init --dir pki").ok();
    let good = lab.read("pki/trust.bpftrust");
    let mut flipped = good.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    let mut seen = Transcript::default();
    for (what, bytes, code, exit) in [
        ("empty", Vec::new(), "BPF-T021", 21),
        ("a bundle", lab.read("prog.o.bpfsig"), "BPF-T021", 21),
        ("cut off", good[..good.len() - 1].to_vec(), "BPF-T021", 21),
        ("a flipped bit", flipped, "BPF-T023", 22),
        (
            "of another installation",
            other.read("pki/trust.bpftrust"),
            "BPF-T023",
            22,
        ),
    ] {
        lab.write("pki/trust.bpftrust", &bytes);
        refused(&lab, &mut seen, what, code, exit);
    }
    insta::assert_snapshot!("trust_bundles_that_do_not_count", seen.text());
}

/// `--counter auto` concludes nothing from a bundle that somebody else may have put there.
#[test]
fn counters_that_cannot_be_derived() {
    let (lab, other) = (Lab::new(), Lab::new());
    std::fs::remove_dir_all(other.path("pki")).unwrap();
    std::fs::remove_file(other.path("prog.o.bpfsig")).unwrap();
    other.run("bpfsign pki init --dir pki").ok();
    other.run(SIGN).ok();
    let mut seen = Transcript::default();
    lab.write("prog.o.bpfsig", &other.read("prog.o.bpfsig"));
    seen.add("of another signer", &lab.refuses(SIGN, "BPF-P906", 2));
    lab.write("prog.o.bpfsig", b"bundle");
    seen.add("malformed", &lab.refuses(SIGN, "BPF-P906", 2));
    for (what, options, code, exit) in [
        ("a name that is none", "--name Prog", "BPF-S011", 2),
        (
            "a path through a file",
            "--output prog.o/new.bpfsig",
            "BPF-P903",
            31,
        ),
        (
            "a directory that is not there",
            "--output absent/new.bpfsig",
            "BPF-P903",
            31,
        ),
    ] {
        let command = format!("{SIGN} {options}");
        seen.add(what, &lab.refuses(&command, code, exit));
    }
    insta::assert_snapshot!("counters_that_cannot_be_derived", seen.text());
}
