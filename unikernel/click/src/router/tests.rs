//! What a router does with packets, devices and handlers.

use alloc::string::ToString;
use alloc::vec;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::*;
use crate::element::ElementClass;
use crate::graph::{Processing, Side};
use crate::packet::Packet;
use crate::testing::{MemoryHost, router, run};

fn read(router: &Router, handler: &str) -> String {
    router.read_handler(handler).unwrap()
}

#[test]
fn packets_go_from_file_to_file_in_order() {
    let mut host = MemoryHost::new(&[b"one", b"two", b"three"]);
    let text = "FromDump(in.pcap) -> c :: Counter -> Strip(1) -> ToDump(out.pcap)";
    let router = run(text, &mut host);
    assert_eq!(host.written("out.pcap"), [&b"ne"[..], b"wo", b"hree"]);
    assert_eq!(
        host.outputs["out.pcap"].borrow()[1].0,
        2000,
        "times are kept"
    );
    assert_eq!(read(&router, "c.count"), "3");
    assert_eq!(read(&router, "c.byte_count"), "11");
}

/// Sends a copy of each packet to each of three outputs.
#[derive(Debug)]
struct Copies;

impl Element for Copies {
    fn push(
        &mut self,
        _: usize,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        for output in 0..3 {
            context.push(output, packet.clone());
        }
        Ok(())
    }
}

static WITH_COPIES: &[ElementClass] = &[
    ElementClass {
        name: "Copies",
        manual: "",
        inputs: Side::exactly(1, Processing::Push),
        outputs: Side::between(0, 3, Processing::Push),
        keywords: &[],
        handlers: &[],
        configure: |_, _| Ok(Box::new(Copies)),
    },
    crate::elements::INFINITE_SOURCE,
    crate::elements::PRINT,
    crate::elements::DISCARD,
];

#[test]
fn what_is_sent_first_arrives_everywhere_before_what_is_sent_second() {
    let text = "InfiniteSource(LIMIT 1) -> a :: Copies; d :: Discard;
        a [0] -> Print(0, CONTENTS NONE) -> b :: Copies;
        b [0] -> Print(00, CONTENTS NONE) -> d; b [1] -> Print(01, CONTENTS NONE) -> d;
        a [1] -> Print(1, CONTENTS NONE) -> d";
    let source = crate::Source::new("test", text);
    let config = Config::parse_with(&source, WITH_COPIES).unwrap();
    let mut host = MemoryHost::new(&[]);
    let mut router = Router::check(config).unwrap();
    router.run(&mut host, || false).unwrap();
    let labels: Vec<&str> = host
        .messages
        .iter()
        .filter_map(|line| line.split(':').next())
        .collect();
    // Copies for outputs that are not connected are gone.
    assert_eq!(labels, ["0", "00", "01", "1"]);
    assert_eq!(read(&router, "d.count"), "3");
}

#[test]
fn stored_packets_are_pulled() {
    let mut host = MemoryHost::new(&[b"one", b"two", b"three"]);
    let text = "FromDump(in.pcap) -> q :: Queue(2) -> Strip(1) -> u :: Unqueue -> ToDump(out)";
    let router = run(text, &mut host);
    assert_eq!(host.written("out"), [&b"ne"[..], b"wo", b"hree"]);
    assert_eq!(read(&router, "u.count"), "3");
    assert_eq!(read(&router, "q.length"), "0");
    assert_eq!(read(&router, "q.drops"), "0");
}

#[test]
fn a_queue_that_nobody_empties_drops_what_comes_last() {
    let mut host = MemoryHost::new(&[b"a", b"b", b"c", b"d", b"e"]);
    let text = "FromDump(in.pcap) -> q :: Queue(2) -> u :: Unqueue(ACTIVE false) -> d :: Discard";
    let mut router = run(text, &mut host);
    assert_eq!(read(&router, "q.drops"), "3");
    assert_eq!(read(&router, "q.highwater_length"), "2");
    router.write_handler("u.active", "true").unwrap();
    router.run(&mut host, || false).unwrap();
    assert_eq!(read(&router, "d.count"), "2");
}

#[test]
fn a_source_waits_while_all_queues_behind_it_are_full() {
    let mut host = MemoryHost::new(&[]);
    let text = "s :: InfiniteSource(LIMIT 5) -> Null -> t :: Tee;
        t [0] -> a :: Queue(2) -> Unqueue(ACTIVE false) -> Discard;
        t [1] -> b :: Queue(3) -> Unqueue(ACTIVE false) -> Discard;
        r :: InfiniteSource(LIMIT 5) -> u :: Tee -> Queue(2) -> Idle; u [1] -> Discard";
    let mut router = run(text, &mut host);
    assert_eq!(read(&router, "s.count"), "3");
    assert_eq!(read(&router, "a.drops"), "1");
    assert_eq!(read(&router, "r.count"), "5", "some packets are not stored");
    router.write_handler("a.capacity", "4").unwrap();
    assert_eq!(read(&router, "a.config"), "CAPACITY 4");
    router.run(&mut host, || false).unwrap();
    assert_eq!(read(&router, "s.count"), "5");
}

#[test]
fn handlers_are_used_at_the_end_and_at_counts() {
    let mut host = MemoryHost::new(&[]);
    let text = "s :: InfiniteSource(LIMIT 9, END_CALL t.active true)
            -> Counter(COUNT_CALL 5 w.switch 1) -> w :: Switch -> c :: Counter -> d :: Discard;
        w [1] -> d; t :: RatedSource(RATE 1000, LIMIT 2, ACTIVE false, STOP true)
            -> b :: Counter(BYTE_COUNT_CALL 100 s.reset) -> Discard";
    let router = run(text, &mut host);
    assert_eq!(read(&router, "c.count"), "4");
    assert_eq!(read(&router, "b.count"), "2");
    assert!(host.messages.is_empty(), "{:?}", host.messages);
    for wrong in [
        "InfiniteSource(END_CALL x.y) -> Discard",
        "InfiniteSource(END_CALL d.count) -> d :: Discard",
        "InfiniteSource(END_CALL stop, STOP true) -> Discard",
        "InfiniteSource -> Counter(COUNT_CALL d.active) -> d :: Discard",
        "InfiniteSource -> Counter(COUNT_CALL 5) -> d :: Discard",
    ] {
        assert!(
            crate::testing::router(wrong, &mut MemoryHost::new(&[])).is_err(),
            "{wrong}"
        );
    }
}

/// Discard and ToDump pull where nobody pushes, through agnostic elements too.
#[test]
fn ends_of_chains_pull_by_themselves() {
    let mut host = MemoryHost::new(&[]);
    let text = "InfiniteSource(ab, LIMIT 4) -> t :: Tee;
        t [0] -> Queue -> c :: Counter -> Null -> d :: Discard;
        t [1] -> Queue -> ToDump(out);
        t [2] -> Queue -> ToDump(through) -> Discard";
    let router = run(text, &mut host);
    assert_eq!(read(&router, "c.count"), "4");
    assert_eq!(read(&router, "d.count"), "4");
    assert_eq!(host.written("out").len(), 4);
    assert_eq!(host.written("through").len(), 4);
}

/// An agnostic element that has pulled a packet may drop it or have several.
#[test]
fn what_an_element_sends_when_it_is_pulled_from() {
    let mut host = MemoryHost::new(&[b"a", b"bb", b"ccc"]);
    let text = "FromDump(in.pcap) -> Queue -> Unstrip(65533) -> d :: Discard";
    let router = run(text, &mut host);
    assert_eq!(read(&router, "d.count"), "1", "the others are too long");
}

#[test]
fn packets_are_pulled_through_few_elements_and_never_in_a_circle() {
    let depth = limits::MAX_PULL_DEPTH;
    let chain = |count: usize| {
        let nulls = "-> Null ".repeat(count);
        alloc::format!("InfiniteSource(LIMIT 1) -> Queue {nulls} -> d :: Discard")
    };
    let mut host = MemoryHost::new(&[]);
    let longest = run(&chain(depth - 1), &mut host);
    assert_eq!(read(&longest, "d.count"), "1");
    for text in [
        chain(depth),
        "a :: Null -> b :: Null -> a; b -> Unqueue -> Discard".into(),
    ] {
        let error = router(&text, &mut host).unwrap_err();
        assert!(error.contains("error[BPF-C0"), "{error}");
    }
}

#[test]
fn a_rate_is_kept() {
    let mut host = MemoryHost::new(&[]);
    let text = "RatedSource(ab, RATE 1000, LIMIT 4, STOP true) -> ToDump(out)";
    run(text, &mut host);
    let times: Vec<u64> = host.outputs["out"]
        .borrow()
        .iter()
        .map(|p| p.0 / 1_000_000)
        .collect();
    assert_eq!(times, [times[0], times[0] + 1, times[0] + 2, times[0] + 3]);
}

#[test]
fn delayed_packets_leave_in_order_when_they_are_due() {
    let mut host = MemoryHost::new(&[]);
    let text = "RatedSource(ab, RATE 1000, LIMIT 3) -> ToDump(before) -> Queue
        -> d :: DelayUnqueue(10ms) -> Print(ab, TIMESTAMP true) -> c :: Counter -> Discard";
    let router = run(text, &mut host);
    assert_eq!(read(&router, "c.count"), "3");
    assert_eq!(read(&router, "d.count"), "3");
    let first = host.outputs["before"].borrow()[0].0;
    let now = bpf_runtime::Environment::clock_ns(&mut host);
    assert!(
        now >= first + 12_000_000,
        "the last one was waited for: {first} {now}"
    );
}

#[test]
fn a_long_chain_needs_no_stack() {
    let chain = "-> Counter ".repeat(4000);
    let text = alloc::format!("InfiniteSource(LIMIT 3) {chain} -> d :: Discard");
    let router = run(&text, &mut MemoryHost::new(&[]));
    assert_eq!(read(&router, "d.count"), "3");
}

#[test]
fn sources_take_turns() {
    let mut host = MemoryHost::new(&[]);
    let text = "p :: Print -> Discard;
                InfiniteSource(DATA a, LIMIT 4, BURST 2, TIMESTAMP false) -> p;
                InfiniteSource(DATA b, LIMIT 2) -> p";
    run(text, &mut host);
    let order: Vec<&str> = host
        .messages
        .iter()
        .map(|line| &line[line.len() - 2..])
        .collect();
    assert_eq!(order, ["61", "61", "62", "61", "61", "62"]);
}

#[test]
fn the_first_source_that_stops_ends_the_run() {
    let mut host = MemoryHost::new(&[b"x"]);
    let text = "FromDump(in.pcap, STOP true) -> Discard;
                s :: InfiniteSource -> Discard";
    let router = run(text, &mut host);
    assert_eq!(read(&router, "s.count"), "1");
}

#[test]
fn a_packet_that_goes_round_is_dropped_and_counted() {
    let mut host = MemoryHost::new(&[]);
    let text = "InfiniteSource(LIMIT 2) -> a :: Counter -> b :: Counter -> a;";
    let router = run(text, &mut host);
    assert_eq!(router.looped(), 2);
    assert_eq!(host.messages.len(), 1);
    assert!(
        host.messages[0].starts_with("warning[BPF-C015]"),
        "{:?}",
        host.messages
    );
    let hops = 3 * limits::MAX_ROUNDS;
    assert_eq!(read(&router, "b.count"), (2 * (hops / 2)).to_string());
}

#[test]
fn a_truncated_file_stops_the_router_after_what_it_held() {
    let mut host = MemoryHost::new(&[b"one", b"two"]);
    host.truncated = Some("in.pcap".into());
    let text = "f :: FromDump(in.pcap) -> c :: Counter -> Discard";
    let mut router = router(text, &mut host).unwrap();
    let error = router.run(&mut host, || false).unwrap_err();
    assert_eq!(error.to_string(), "`f :: FromDump`");
    assert_eq!(error.code(), codes::DUMP);
    assert_eq!(read(&router, "c.count"), "2");
    assert_eq!(router.round(&mut host).unwrap(), Progress::Stopped);
}

#[test]
fn nothing_is_written_before_everything_else_is_accepted() {
    for text in [
        "FromDump(in.pcap) -> ToDump(out.pcap); FromDump(missing.pcap) -> Discard",
        "FromDump(in.pcap) -> ToDump(out.pcap); InfiniteSource -> Strip(x) -> Discard",
        "FromDump(in.pcap) -> ToDump(out.pcap); InfiniteSource -> Counter",
    ] {
        let mut host = MemoryHost::new(&[]);
        router(text, &mut host).unwrap_err();
        assert!(host.outputs.is_empty(), "{text}");
    }
}

#[test]
fn a_run_can_be_interrupted() {
    let mut host = MemoryHost::new(&[]);
    let mut router = router("s :: InfiniteSource -> Discard", &mut host).unwrap();
    let mut rounds = 0;
    let interrupted = || {
        rounds += 1;
        rounds > 10
    };
    router.run(&mut host, interrupted).unwrap();
    assert_eq!(read(&router, "s.count"), "10");
}

/// The one that pulls has had its turn when the source sends its last packets.
#[test]
fn nothing_is_left_in_a_queue_when_a_burst_ends_early() {
    let text = "q :: Queue -> d :: Discard; InfiniteSource(LIMIT 3, BURST 10) -> q";
    let router = run(text, &mut MemoryHost::new(&[]));
    assert_eq!(read(&router, "d.count"), "3");
}

#[test]
fn a_handler_can_wake_a_source() {
    let mut host = MemoryHost::new(&[]);
    let mut router = run("s :: InfiniteSource(LIMIT 2) -> d :: Discard", &mut host);
    assert_eq!(router.round(&mut host).unwrap(), Progress::Idle);
    router.write_handler("s.reset", "").unwrap();
    router.run(&mut host, || false).unwrap();
    assert_eq!(read(&router, "d.count"), "4");
}

#[test]
fn handlers_are_found_by_name_class_and_pattern() {
    let router = run(
        "a, b :: Counter; s :: InfiniteSource(LIMIT 1) -> a -> b -> Discard",
        &mut MemoryHost::new(&[]),
    );
    let names = |pattern: &str| router.expand_handlers(pattern);
    assert_eq!(names("a.count").unwrap(), ["a.count"]);
    assert_eq!(names("Counter.count").unwrap(), ["a.count", "b.count"]);
    assert_eq!(
        names("?.count").unwrap(),
        vec!["a.count", "b.count", "s.count"]
    );
    assert_eq!(read(&router, "s.config"), "LIMIT 1");
    assert_eq!(read(&router, "Discard@4.class"), "Discard");
    assert_eq!(read(&router, "a.name"), "a");
    assert!(read(&router, "a.handlers").contains("reset_counts\tw"));
    for (name, message) in [
        ("count", "no handler `count`"),
        ("a.", "`a.` is not of the form element.handler"),
        ("x.count", "no element `x`"),
        ("a.cuont", "no handler `a.cuont`; did you mean `count`?"),
        ("a.reset", "`a.reset` is a write handler"),
    ] {
        let read = names(name).and_then(|names| router.read_handler(&names[0]));
        assert_eq!(read.unwrap_err().to_string(), message);
    }
}

#[test]
fn the_router_has_handlers_of_its_own() {
    let mut host = MemoryHost::new(&[]);
    let text = "s :: InfiniteSource(LIMIT 1) -> c :: Counter -> Discard";
    let mut router = router(text, &mut host).unwrap();
    assert_eq!(read(&router, "list"), "3\ns\nc\nDiscard@3\n");
    assert_eq!(read(&router, "flatconfig"), router.config().to_string());
    assert!(read(&router, ".classes").contains("InfiniteSource\n"));
    assert_eq!(
        read(&router, "c.ports"),
        "1 input\npush~\t-\ts [0]\n1 output\npush~\t-\t[0] Discard@3\n"
    );
    router.call_write(&mut host, "stop").unwrap();
    assert_eq!(router.round(&mut host).unwrap(), Progress::Stopped);
    assert_eq!(read(&router, "c.count"), "0");
}

#[test]
fn handlers_are_called_with_what_stands_behind_their_names() {
    let mut host = MemoryHost::new(&[]);
    let mut router = run(
        "s :: InfiniteSource(LIMIT 1) -> c :: Counter -> Discard",
        &mut host,
    );
    let mut read = |call: &str| router.call_read(&mut host, call).map_err(|e| e.to_string());
    assert_eq!(read("c.count").unwrap(), "1");
    assert_eq!(
        read("c.count 5").unwrap_err(),
        "`c.count` does not take parameters"
    );
    assert_eq!(read("c.reset").unwrap_err(), "`c.reset` is a write handler");
    let mut write = |call: &str| {
        router
            .call_write(&mut host, call)
            .map_err(|e| e.to_string())
    };
    write("s.limit 4").unwrap();
    assert_eq!(
        write("s.limit four").unwrap_err(),
        "`s.limit` does not take `four`"
    );
    assert_eq!(
        write("c.count 5").unwrap_err(),
        "`c.count` is a read handler"
    );
    router.run(&mut host, || false).unwrap();
    assert_eq!(read_count(&router), "4");
}

fn read_count(router: &Router) -> String {
    read(router, "c.count")
}

#[test]
fn handlers_refuse_what_does_not_fit() {
    let mut router = run(
        "s :: InfiniteSource(LIMIT 1) -> c :: Counter -> Discard",
        &mut MemoryHost::new(&[]),
    );
    for (name, value, message) in [
        ("c.count", "1", "`c.count` is a read handler"),
        ("s.limit", "many", "`s.limit` does not take `many`"),
        ("s.burst", "0", "`s.burst` does not take `0`"),
    ] {
        let error = router.write_handler(name, value).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}
