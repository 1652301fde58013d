//! Genuine bundles and objects, in the wrong place or at the wrong time.

use std::fs;

use crate::lab::{CHECK, Lab, RUN, SIGN, sample};

/// Signs `sample` under the name of the program, as `other.o` with its bundle.
fn sign_other(lab: &Lab, name: &str, counter: u64) {
    lab.write("other.o", &sample(name));
    lab.run(&format!(
        "bpfsign verify-and-sign other.o --key pki/signer.pem --name prog --counter {counter}"
    ))
    .ok();
}

fn rename(lab: &Lab, from: &str, to: &str) {
    fs::rename(lab.path(from), lab.path(to)).unwrap();
}

#[test]
fn a01_swapped_bundles() {
    let lab = Lab::running();
    sign_other(&lab, "pass", 2);
    rename(&lab, "other.o.bpfsig", "prog.o.bpfsig");
    lab.loader_refuses("BPF-L003", 25);
}

#[test]
fn a01_swapped_objects() {
    let lab = Lab::running();
    sign_other(&lab, "pass", 2);
    rename(&lab, "other.o", "prog.o");
    lab.loader_refuses("BPF-L003", 25);
}

/// 2, and 50: what is signed as something else does not become the program by being renamed.
#[test]
fn a02_renamed() {
    let lab = Lab::running();
    lab.write("pass.o", &sample("pass"));
    lab.run("bpfsign verify-and-sign pass.o --key pki/signer.pem")
        .ok();
    rename(&lab, "pass.o", "prog.o");
    rename(&lab, "pass.o.bpfsig", "prog.o.bpfsig");
    lab.loader_refuses("BPF-L004", 28);
}

#[test]
fn a03_replayed_older_version() {
    let mut lab = Lab::running();
    let first = (lab.read("prog.o"), lab.read("prog.o.bpfsig"));
    lab.write("prog.o", &sample("pass"));
    lab.run(SIGN).ok();
    lab.admit();
    let second = (lab.read("prog.o"), lab.read("prog.o.bpfsig"));

    lab.write("prog.o", &first.0);
    lab.write("prog.o.bpfsig", &first.1);
    lab.loader_refuses("BPF-L012", 27);

    // The newer one is not shut out by that.
    lab.write("prog.o", &second.0);
    lab.write("prog.o.bpfsig", &second.1);
    lab.run(RUN).ok();
}

#[test]
fn a04_equivocation() {
    let lab = Lab::running();
    sign_other(&lab, "pass", 1);
    rename(&lab, "other.o", "prog.o");
    rename(&lab, "other.o.bpfsig", "prog.o.bpfsig");
    lab.loader_refuses("BPF-L013", 27);
}

/// 55: the same object at the same counter, with claims that differ from those admitted: in the
/// section that names no kind, a filter becomes a rewriter.
#[test]
fn a04_equivocation_about_one_object() {
    let mut lab = Lab::new();
    let legacy = e2e::root().join("loader/tests/fixtures/legacy.o");
    lab.write("prog.o", &fs::read(legacy).unwrap());
    let config = "InfiniteSource(LIMIT 1) -> BPFFilter(FILE prog.o, PROGRAM by_port) -> Discard;\n";
    lab.write("run.click", config.as_bytes());
    lab.run(SIGN).ok();
    lab.admit();
    let admitted = lab.record();
    lab.run(&format!("{SIGN} --kind rewriter")).ok();
    assert_eq!(lab.claims().counter, admitted.as_ref().unwrap().counter);
    lab.refuses(CHECK, "BPF-L014", 27);
    assert_eq!(lab.record(), admitted);
}

#[test]
fn a05_counter_driven_to_its_end() {
    for lab in [Lab::new(), Lab::running()] {
        for counter in [(1 << 53) - 1, (1 << 16) + 2] {
            sign_other(&lab, "pass", counter);
            rename(&lab, "other.o", "prog.o");
            rename(&lab, "other.o.bpfsig", "prog.o.bpfsig");
            lab.loader_refuses("BPF-L015", 27);
        }
    }
}

/// The highest step that is allowed is.
#[test]
fn a05_counter_at_the_limit() {
    let mut lab = Lab::running();
    lab.run(&format!("{SIGN} --counter {}", (1 << 16) + 1)).ok();
    lab.admit();
}

/// 22: between the check and the run, or while it runs, somebody writes another object.
#[test]
fn a22_object_changed_after_the_check() {
    let lab = Lab::running();
    lab.run(CHECK).ok();
    lab.write("prog.o", &sample("pass"));
    lab.loader_refuses("BPF-L003", 25);
}

/// 22: object and bundle are read once; what runs is what was checked, whatever the files become.
#[test]
fn a22_files_changed_after_admission() {
    let lab = Lab::running();
    let (object, bundle) = (lab.read("prog.o"), lab.read("prog.o.bpfsig"));
    let mut state = bpf_loader::StateDir::open(&lab.path("st")).unwrap();
    let trust = state.read_trust(&lab.read("pki/trust.bpftrust")).unwrap();
    let name = bpf_statement::Name::new("prog").unwrap();
    let admission = bpf_loader::admit(&bpf_loader::AdmitRequest {
        object: &object,
        bundle: Some(&bundle),
        expectation: &bpf_loader::Expectation::object(vec![name]),
        trust: &trust,
        state: state.snapshot(),
        clock: Some(crate::lab::now()),
    })
    .unwrap();
    lab.write("prog.o", &sample("pass"));
    lab.write("prog.o.bpfsig", b"");
    let admitted = admission.commit(&mut state).unwrap();
    let parsed = bpf_object::Object::parse(&object, bpf_object::ParseOptions::default()).unwrap();
    let image = parsed.link(&parsed.programs()[0]).unwrap();
    assert_eq!(admitted.program().image().digest(), image.digest());
    assert_eq!(admitted.program().image().code(), image.code());
}
