//! A machine that cannot do what it is to do says why, with a code, and ends with the exit code of that.

use platform_click::ExitCode;

use crate::lab::{Lab, SIGN, sample};
use crate::machine::Machine;

#[track_caller]
fn ends(machine: Machine, code: &str, exit: ExitCode) {
    let (said, ended) = machine.ended();
    assert!(said.contains(&format!("error[{code}]")), "{said}");
    assert_eq!(ended, i32::from(exit.number()) * 2 + 1, "{said}");
}

const FILTER: &str = "Idle -> BPFFilter(FILE prog.o) -> Discard";

fn start(lab: &Lab, config: &str, more: &str) -> Machine {
    Machine::start(lab, "microvm", config, 0, more)
}

const TRUST: &str = "--trust pki/trust.bpftrust";

#[test]
fn programs_need_whom_to_trust() {
    let lab = Lab::new();
    ends(start(&lab, FILTER, ""), "BPF-C011", ExitCode::Usage);
    // A trust bundle in the module alone is none.
    let bundle = "--add trust.bpftrust=pki/trust.bpftrust";
    ends(start(&lab, FILTER, bundle), "BPF-U009", ExitCode::Untrusted);
}

#[test]
fn programs_are_refused_as_everywhere() {
    let lab = Lab::new();
    lab.write("unsigned.o", &sample("target-port"));
    let unsigned = FILTER.replace("prog.o", "unsigned.o");
    ends(
        start(&lab, &unsigned, TRUST),
        "BPF-L001",
        ExitCode::NoBundle,
    );

    lab.run("bpfsign pki init --dir other").ok();
    lab.run("bpfsign verify-and-sign prog.o --key other/signer.pem --counter 1")
        .ok();
    let classifier = FILTER.replace("BPFFilter", "BPFClassifier");
    ends(start(&lab, FILTER, TRUST), "BPF-T012", ExitCode::Untrusted);
    lab.run(&format!("{SIGN} --counter 2")).ok();
    ends(
        start(&lab, &classifier, TRUST),
        "BPF-L005",
        ExitCode::Policy,
    );

    let mut object = lab.read("prog.o");
    let last = object.len() - 1;
    object[last] ^= 1;
    lab.write("prog.o", &object);
    ends(start(&lab, FILTER, TRUST), "BPF-L003", ExitCode::Mismatch);
}

#[test]
fn a_machine_that_lacks_something_says_what() {
    let lab = Lab::empty();
    let idle = "Idle -> Discard";
    let start = |config: &str, more: &str| start(&lab, config, more);
    ends(
        start(idle, "--append nonsense=1"),
        "BPF-U003",
        ExitCode::Usage,
    );
    ends(start(idle, "--memory 8M"), "BPF-U002", ExitCode::Usage);
    ends(
        start("FromDevice(7) -> Discard", ""),
        "BPF-C018",
        ExitCode::Io,
    );
    ends(
        start("FromDump(in.pcap) -> Discard", ""),
        "BPF-C012",
        ExitCode::Input,
    );
}
