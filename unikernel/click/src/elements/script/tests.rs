use alloc::string::String;
use alloc::vec::Vec;

use crate::testing::{MemoryHost, router, run};

/// What a script prints, and the messages.
fn script(text: &str) -> (String, Vec<String>) {
    let mut host = MemoryHost::new(&[]);
    run(text, &mut host);
    (host.printed, host.messages)
}

#[test]
fn instructions_follow_each_other() {
    for (text, printed) in [
        (
            "Script(print \"a b\", printn \"x\", print \"y\")",
            "a b\nxy\n",
        ),
        (
            "Script(set x 1, label l, print $x, set x $(add $x 1), goto l $(lt $x 4))",
            "1\n2\n3\n",
        ),
        (
            "Script(set x \"a b\", print $x, setq y \"a b\", print $y)",
            "\"a b\"\na b\n",
        ),
        ("Script(print \"a\", end, print \"b\")", "a\n"),
        ("Script(goto end true, print \"b\")", ""),
        ("Script(goto end false, print \"b\")", "b\n"),
        ("Script(init x 5, print $x, set x 6, print $x)", "5\n6\n"),
        ("Script(print $unknown)", "$unknown\n"),
        (
            "Script(print $(name), print $(class), print $(.driver))",
            "Script@1\nScript\nuserlevel\n",
        ),
        (
            "Script(wait 1ms, print \"a\", wait 2ms, print \"b\")",
            "a\nb\n",
        ),
        (
            "Script(write set v a b, print $(shift v), print $(get v))",
            "a\nb\n",
        ),
        (
            "Script(save s.run f, append s.run f, print $(catq f)); s :: Script(TYPE PASSIVE, return 7)",
            "\"7\\n7\\n\"\n",
        ),
    ] {
        assert_eq!(script(text).0, printed, "{text}");
    }
}

#[test]
fn errors_are_told_with_what_was_done() {
    for (text, messages) in [
        (
            "s :: Script(write x.y, write d.reset_counts, print $?); d :: Discard; Idle -> d",
            &["While executing 's :: Script':\n  no element `x`"][..],
        ),
        (
            "s :: Script(print $(add a))",
            &["While executing 's :: Script':\nWhile calling 's.add':\n  expected list of numbers"],
        ),
        (
            "s :: Script(error no way)",
            &["While executing 's :: Script':\n  no way"],
        ),
        (
            "s :: Script(goto end maybe)",
            &["While executing 's :: Script':\n  bad condition 'maybe'"],
        ),
        (
            "s :: Script(label a, goto a)",
            &["s :: Script: too many jumps, giving up"],
        ),
        (
            "s :: Script(read c.count); c :: Counter; Idle -> c -> Idle",
            &["c.count:\n0\n"],
        ),
    ] {
        assert_eq!(script(text).1, messages, "{text}");
    }
}

#[test]
fn scripts_are_checked_before_they_run() {
    for text in [
        "Script(nonsense)",
        "Script(goto nowhere)",
        "Script(set x)",
        "Script(label)",
        "Script(label a b)",
        "Script(stop now)",
        "Script(pause x)",
        "Script(TYPE OTHER)",
        "Script(TYPE PACKET)",
        "Idle -> Script(TYPE ACTIVE)",
        "Script(wait soon)",
        "DriverManager; DriverManager",
    ] {
        assert!(router(text, &mut MemoryHost::new(&[])).is_err(), "{text}");
    }
}

#[test]
fn passive_scripts_answer() {
    let mut host = MemoryHost::new(&[]);
    let text = "s :: Script(TYPE PASSIVE, return $# $1 $2 $args $0 $write);
        p :: Script(TYPE PROXY, goto a $(eq $0 a), error no such thing, label a, returnq \"you $1\");
        e :: Script(TYPE PASSIVE, export v 5, set v $1)";
    let mut router = router(text, &mut host).unwrap();
    let mut read = |call: &str| {
        router
            .call_read(&mut host, call)
            .map_err(|e| alloc::string::ToString::to_string(&e))
    };
    assert_eq!(read("s.run a b c").unwrap(), "3 a b a b c run false");
    assert_eq!(read("p.a me").unwrap(), "you me");
    assert_eq!(read("p.b").unwrap_err(), "`p.b`: no such thing");
    assert_eq!(read("p.add 1 2").unwrap(), "3");
    assert_eq!(read("e.v").unwrap(), "5");
    assert!(read("e.handlers").unwrap().contains("\nv\tr"));
    router.call_write(&mut host, "e.run 7").unwrap();
    assert_eq!(router.read_handler("e.v").unwrap(), "7");
    assert!(router.call_write(&mut host, "e.other 7").is_err());
}

#[test]
fn steps_lead_past_instructions_that_wait() {
    let mut host = MemoryHost::new(&[]);
    let text = "s :: Script(TYPE PASSIVE, pause, print \"a\", pause 2, print \"b\", label l, pause, print \"c\")";
    let mut router = router(text, &mut host).unwrap();
    for (call, printed) in [
        ("s.step", "a\n"),
        ("s.step", ""),
        ("s.step", "b\n"),
        ("s.goto l", ""),
        ("s.step 5", "c\n"),
    ] {
        host.printed.clear();
        router.call_write(&mut host, call).unwrap();
        assert_eq!(host.printed, printed, "{call}");
    }
    assert!(router.call_write(&mut host, "s.goto nowhere").is_err());
    assert!(router.call_write(&mut host, "s.step x").is_err());
}

#[test]
fn driver_scripts_decide_when_the_router_stops() {
    for (manager, printed, count) in [
        (
            "DriverManager(pause, print \"once\", pause, print \"twice\")",
            "once\ntwice\n",
            "10",
        ),
        ("DriverManager(pause, print \"once\", stop)", "once\n", "5"),
        (
            "DriverManager(pause, print \"once\", write s.reset, pause)",
            "once\n",
            "10",
        ),
        ("DriverManager", "", "5"),
        ("Script(TYPE DRIVER, print \"now\")", "now\n", "0"),
    ] {
        let mut host = MemoryHost::new(&[]);
        let again = if printed.contains("twice") {
            "pause, write s.reset, stop"
        } else {
            "pause"
        };
        let text = alloc::format!(
            "s :: InfiniteSource(LIMIT 5, STOP true) -> c :: Counter -> Discard; {manager};
             Script(TYPE PASSIVE, {again})"
        );
        let text = text.replace(
            "\"once\", pause, print",
            "\"once\", write s.reset, pause, print",
        );
        let router = run(&text, &mut host);
        assert_eq!(host.printed, printed, "{manager}");
        assert_eq!(router.read_handler("c.count").unwrap(), count, "{manager}");
    }
}

#[test]
fn packets_leave_through_the_output_that_is_returned() {
    let mut host = MemoryHost::new(&[b"a", b"b", b"c", b"d"]);
    let text = "FromDump(in.pcap) -> s :: Script(init i 0, set j $i, set i $(add $i 1), return $j);
        s [0] -> a :: Counter -> Discard; s [1] -> b :: Counter -> Discard; s [2] -> Discard";
    let router = run(text, &mut host);
    assert_eq!(router.read_handler("a.count").unwrap(), "1");
    assert_eq!(router.read_handler("b.count").unwrap(), "1");
    let mut host = MemoryHost::new(&[b"a"]);
    let text =
        "FromDump(in.pcap) -> Queue -> Script(print \"packet $input\") -> a :: Counter -> Discard;
        FromDump(in.pcap) -> Script(exit) -> b :: Counter -> Discard";
    let router = run(text, &mut host);
    assert_eq!(router.read_handler("a.count").unwrap(), "1");
    assert_eq!(router.read_handler("b.count").unwrap(), "0");
    assert_eq!(host.printed, "packet 0\n");
}

/// A script that uses a script which uses the first is told that it is busy.
#[test]
fn scripts_that_wait_for_each_other_are_busy() {
    let text = "a :: Script(print $(b.run)); b :: Script(TYPE PASSIVE, write a.step, return done)";
    let (printed, messages) = script(text);
    assert_eq!(printed, "done\n");
    assert!(messages.concat().contains("`a` is busy"), "{messages:?}");
}
