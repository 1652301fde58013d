//! Every error of the language and the graph, as a user sees it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

use click_graph::{Config, Router, Source, codes};

/// Configurations, each with one error.
const WRONG: &[&str] = &[
    // Syntax.
    "a -> ",
    "->Discard;",
    "InfiniteSource -> Discard;\n)",
    "a :: ;",
    "a : Counter;",
    "InfiniteSource -> Print(ok -> Discard;\n",
    "InfiniteSource\n  -> Print(\"ok) -> Discard;",
    "c :: Counter; /* no end",
    "a :: InfiniteSource(DATA \\<00) - Discard",
    "[0] Counter -> Discard",
    "InfiniteSource -> Discard [1];",
    "Counter [x] -> Discard",
    "Counter [255] -> Discard",
    "Counter [1 -> Discard",
    "\tCounter(); \u{1b}[31m ! \"\n",
    "a -> b :: Counter, -> Discard",
    "provide(x);",
    "(InfiniteSource -> Discard",
    "InfiniteSource -> Discard }",
    "# line \"file\"\nCounter",
    "Print(a,\n#include <b>\nc)",
    "# 100 \"made.click\"\nInfiniteSource -> Print(a b) -> Discard",
    "define(x 1)",
    "require(package \"x\");",
    "require(x);",
    "require(library \"x.click\");",
    // Compound elements.
    "elementclass A { input -> output",
    "elementclass { input -> output }",
    "elementclass A Zebra; A -> Discard",
    "elementclass A { ... }",
    "elementclass A { || ... } A -> Discard",
    "elementclass A { -> Counter -> -> Discard }",
    "elementclass A { output -> Counter }",
    "elementclass A { Counter -> input }",
    "elementclass A { input [1] -> Discard }",
    "elementclass A { $a, $a | }",
    "elementclass A { K $a, K $b | }",
    "elementclass A { __REST__ $a, $b | }",
    "elementclass A { $a, b | }",
    "elementclass A { $a | define($a 1) }",
    "elementclass A { require(library x) }",
    "elementclass A { b :: Counter } A -> b",
    "elementclass A { $a | input -> Print($a) -> output }\nInfiniteSource -> A -> Discard",
    "elementclass A { $a | -> Print($a) -> || -> Null -> }\nInfiniteSource -> A(1, 2) -> Discard",
    "elementclass A { -> Counter -> }\nInfiniteSource -> [1] A -> Discard",
    "elementclass A { -> Counter -> }\nInfiniteSource -> A; A -> Discard",
    "elementclass A { -> Counter -> }\na :: A -> Discard",
    "a/b :: Counter;\na :: { b :: Counter }",
    "a/1 :: Counter",
    "elementclass A { InfiniteSource -> Print(one two, $n) -> Discard }\nA",
    "elementclass A { $n | InfiniteSource -> Strip($n) -> Discard }\nA(x)",
    // Many ports.
    "a, b, c, d :: Counter; a, b -> c, d;",
    "a, b :: Counter; a [0,1] => [0,1,2] b;",
    "a, b :: Counter; a [] -> [] b;",
    "a, b :: Counter; a [], b [] -> Discard;",
    "a, b :: Counter; a [0-254,0] -> b;",
    "a :: Counter; a [3-1] -> Discard",
    "Counter [] -> Discard",
    // Variables that nobody defines stay as they are.
    "c :: $class;",
    "InfiniteSource -> Strip($none) -> Discard",
    // Names.
    "InfiniteSource -> Countr -> Discard",
    "InfiniteSource -> Countr(1) -> Discard",
    "c :: Zebra(1);",
    "count :: Counter;\ncount -> conut;",
    "a :: Counter;\n\na :: Print;",
    "Counter :: Counter;",
    "a :: Strip(1); InfiniteSource -> a(2) -> Discard;",
    // Arguments.
    "FromDump() -> Discard",
    "FromDump(FILENAM in.pcap) -> Discard",
    "FromDump(in.pcap, FORCE_IP true) -> Discard",
    "FromDump(in.pcap, STOP maybe) -> Discard",
    "FromDump(~/in.pcap) -> Discard",
    "FromDump(in.pcap, out.pcap) -> Discard",
    "FromDump(in.pcap, STOP true, STOP false) -> Discard",
    "FromDump(in.pcap, TRUST root.bpftrust) -> Discard",
    "InfiniteSource(STATE_DIR /tmp) -> Discard",
    "InfiniteSource(LIMIT 010) -> Discard",
    "InfiniteSource(BURST 0) -> Discard",
    "InfiniteSource(DATA \\<0>) -> Discard",
    "InfiniteSource(LENGTH 65535) -> Discard",
    "InfiniteSource('', LENGTH 5) -> Discard",
    "InfiniteSource(\\<ff>, LIMIT -0) -> Discard",
    "InfiniteSource -> Strip -> Discard",
    "InfiniteSource -> Strip(1000000) -> Discard",
    "InfiniteSource -> Print(a b c) -> Discard",
    "InfiniteSource -> Print(\"a\" b) -> Discard",
    "InfiniteSource -> Print(\\<ff>) -> Discard",
    "InfiniteSource -> Print(CONTENTS OCTAL) -> Discard",
    "InfiniteSource -> ToDump(x, ENCAP ATM)",
    "InfiniteSource -> ToDump(x, 1000000)",
    "InfiniteSource -> Counter(1) -> Discard",
    "InfiniteSource -> Queue(100000) -> Discard",
    "InfiniteSource -> Classifier(12/0800, -) -> Discard",
    "InfiniteSource -> Classifier(12/080) -> Discard",
    "InfiniteSource -> Classifier -> Discard",
    "InfiniteSource -> Tee(2) -> Discard",
    "RatedSource(RATE 0) -> Discard",
    "RatedSource(RATE 2000000000) -> Discard",
    "InfiniteSource -> Queue -> DelayUnqueue(soon) -> Discard",
    "InfiniteSource -> BPFFilter(ID 1) -> Discard",
    "InfiniteSource -> BPFilterr(ID 1) -> Discard",
    "InfiniteSource -> BPFFilter(pass.o) -> Discard",
    "InfiniteSource -> BPFFilter(FILE pass.o, ID x) -> Discard",
    "InfiniteSource -> BPFFilter(FILE Pass.o) -> Discard",
    "InfiniteSource -> BPFFilter(FILE pass.o, NAME Pass) -> Discard",
    "InfiniteSource -> BPFFilter(FILE pass.o, PROGRAM 'a b') -> Discard",
    "InfiniteSource -> BPFFilter(FILE pass.o, MAXINSNS many) -> Discard",
    "InfiniteSource -> BPFFilter(FILE pass.o, JIT false, DUMP_JIT true) -> Discard",
    "InfiniteSource -> BPFFilter(FILE pass.o, STATE /tmp) -> Discard",
    "InfiniteSource -> BPFFilter(FILE pass.o, FILE drop.o) -> Discard",
    // Ports.
    "InfiniteSource -> c :: Counter;",
    "Counter -> Discard;",
    "InfiniteSource -> Counter [1] -> Discard",
    "InfiniteSource -> [1] Counter -> Discard",
    "s :: InfiniteSource -> Discard;\ns -> Discard;",
    "InfiniteSource -> Discard -> Discard",
    "InfiniteSource -> Unqueue -> Discard",
    "Queue -> Discard",
    "a :: Null -> b :: Null -> a; b -> Unqueue -> Discard",
];

fn error(text: &str) -> String {
    let source = Source::new("router.click", text);
    let error = Config::parse(&source).and_then(Router::check).err();
    let error = error.unwrap_or_else(|| panic!("accepted: {text}"));
    error.render(&source)
}

#[test]
fn every_error_says_where_what_and_what_to_do() {
    let shown: Vec<String> = WRONG.iter().map(|text| error(text)).collect();
    insta::assert_snapshot!(shown.join("\n\n"));
}

#[test]
fn every_diagnostic_of_a_configuration_is_shown() {
    let shown: String = WRONG.iter().map(|text| error(text)).collect();
    for code in [
        codes::SYNTAX,
        codes::UNSUPPORTED,
        codes::CLASS,
        codes::NAME,
        codes::ARGUMENT,
        codes::RESERVED,
        codes::PORT,
        codes::PROCESSING,
        codes::LIMIT,
        codes::COMPOUND,
    ] {
        assert!(shown.contains(code.id), "{code}");
    }
}

#[test]
fn limits_are_kept() {
    for (text, id) in [
        (
            " ".repeat(click_graph::limits::MAX_CONFIG_SIZE + 1),
            "BPF-C009",
        ),
        (
            "Counter;".repeat(click_graph::limits::MAX_ELEMENTS + 1),
            "BPF-C009",
        ),
    ] {
        assert!(error(&text).contains(id));
    }
}

#[test]
fn a_long_line_is_shown_in_part() {
    let text = format!("x :: Zebra;{}", " ".repeat(5000));
    assert!(error(&text).lines().all(|line| line.chars().count() < 200));
    let text = format!("{}Zebra(1);{}", "Counter; ".repeat(100), " ".repeat(5000));
    let shown = error(&text);
    assert!(
        shown.lines().all(|line| line.chars().count() < 200),
        "{shown}"
    );
    let mut lines = shown.lines().skip(2);
    let (line, carets) = (lines.next().unwrap(), lines.next().unwrap());
    let marked = carets.find('^').unwrap();
    assert_eq!(&line[marked..marked + 5], "Zebra", "{shown}");
}
