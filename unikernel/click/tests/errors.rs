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
    // Not supported.
    "elementclass A { input -> output }",
    "define($x 1);",
    "require(package \"x\");",
    "provide(x);",
    "InfiniteSource -> { -> } -> Discard",
    "(InfiniteSource -> Discard)",
    "InfiniteSource => Discard",
    "Counter [0,1] -> Discard",
    "Counter [0-1] -> Discard",
    "Counter [] -> Discard",
    "a, b, c, d :: Counter; a, b -> c, d;",
    "c :: $class;",
    "InfiniteSource -> Print($label) -> Discard",
    "Counter -> Print(\"my ${label}\") -> Discard",
    "# 1 \"file\"\nCounter",
    "Print(a,\n# 1 \"file\"\nb)",
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
    "InfiniteSource -> BPFFilter(ID 1) -> Discard",
    "InfiniteSource -> BPFilter(ID 1) -> Discard",
    "InfiniteSource -> BPFFilter(pass.o) -> Discard",
    "InfiniteSource -> BPFFilter(FILE pass.o, ID x) -> Discard",
    "InfiniteSource -> BPFFilter(FILE Pass.o) -> Discard",
    "InfiniteSource -> BPFFilter(FILE pass.o, NAME Pass) -> Discard",
    "InfiniteSource -> BPFFilter(FILE pass.o, PROGRAM 'a b') -> Discard",
    "InfiniteSource -> BPFFilter(FILE pass.o, DUMP_JIT true) -> Discard",
    "InfiniteSource -> BPFFilter(FILE pass.o, STATE /tmp) -> Discard",
    "InfiniteSource -> BPFFilter(FILE pass.o, FILE drop.o) -> Discard",
    // Ports.
    "InfiniteSource -> c :: Counter;",
    "Counter -> Discard;",
    "InfiniteSource -> Counter [1] -> Discard",
    "InfiniteSource -> [1] Counter -> Discard",
    "s :: InfiniteSource -> Discard;\ns -> Discard;",
    "InfiniteSource -> Discard -> Discard",
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
