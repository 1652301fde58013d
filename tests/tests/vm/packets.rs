//! Packets through machines.

use crate::lab::Lab;
use crate::machine::{MACHINES, Machine, udp};

const TRUST: &str = "--trust pki/trust.bpftrust";

#[test]
fn a_configuration_that_stops_ends_the_machine_well() {
    let lab = Lab::empty();
    lab.write(
        "vm.click",
        b"InfiniteSource(LIMIT 5, STOP true) -> c :: Counter -> Discard",
    );
    let image = e2e::image().display();
    let ended = lab.run(&format!(
        "bpfclick vm run --config vm.click --image {image} --accel tcg -h c.count"
    ));
    assert!(ended.ok().out.ends_with("c.count: 5\nstopped\n"), "{ended}");
    assert!(ended.err.contains("note: the machine is ready"), "{ended}");
}

/// The sample drops what goes to port 12345.
#[test]
fn a_signed_program_filters_what_goes_through_a_machine() {
    for kind in MACHINES {
        let lab = Lab::new();
        let config = "FromDevice(0) -> in :: Counter -> f :: BPFFilter(FILE prog.o)
            -> out :: Counter -> ToDevice(1)";
        let handlers = "-h in.count -h f.filtered -h f.machine_code";
        let more = format!("{TRUST} --memory 16M {handlers}");
        let mut machine = Machine::start(&lab, kind, config, 2, &more);
        machine.wait_for("ready:");
        let frames = [udp(7, b"one"), udp(12345, b"two"), udp(8, &[3; 1400])];
        for frame in &frames {
            machine.send(0, frame);
        }
        assert_eq!(machine.receive(1).as_ref(), Some(&frames[0]), "{kind}");
        assert_eq!(machine.receive(1).as_ref(), Some(&frames[2]), "{kind}");
        machine.wait_for_value("in.count", "3");
        machine.wait_for_value("f.filtered", "1");
    }
}

/// More frames than buffers, and back over the device that they came from.
#[test]
fn frames_come_back_in_order_and_whole() {
    let lab = Lab::empty();
    let config = "FromDevice(0) -> EtherMirror -> ToDevice(0)";
    let mut machine = Machine::start(&lab, "microvm", config, 1, "");
    machine.wait_for("ready:");
    let mut bytes = 0_u32;
    for number in 0..1000_u16 {
        let payload = vec![number.to_le_bytes()[0]; usize::from(number)];
        let frame = udp(number, &payload);
        machine.send(0, &frame);
        let back = machine
            .receive(0)
            .unwrap_or_else(|| panic!("frame {number}"));
        assert_eq!((&back[..6], &back[6..12]), (&frame[6..12], &frame[..6]));
        assert_eq!(back[12..], frame[12..], "frame {number}");
        bytes += u32::try_from(back.len()).unwrap();
    }
    assert_eq!(bytes, (0..1000).map(|number| number + 42).sum::<u32>());
}
