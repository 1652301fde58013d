//! The language as Click reads it: what configurations are once they are flattened.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;

use click_graph::language::{Libraries, Library, NoLibraries, Reading};
use click_graph::{Config, ConfigError, HostError, Source, limits};

/// Declarations and single connections, sorted: what Click's own tests compare.
fn flatten(text: &str) -> Vec<String> {
    flatten_with(text, &mut reading(&mut NoLibraries)).unwrap_or_else(|error| panic!("{error}"))
}

fn reading(libraries: &mut dyn Libraries) -> Reading<'_> {
    Reading {
        variables: Vec::new(),
        lenient: false,
        libraries,
    }
}

fn flatten_with(text: &str, reading: &mut Reading<'_>) -> Result<Vec<String>, String> {
    let mut source = Source::new("test", text);
    match Config::read(&mut source, reading) {
        Ok(config) => Ok(lines(&config)),
        Err(error) => Err(error.render(&source)),
    }
}

fn lines(config: &Config) -> Vec<String> {
    let elements = config.elements();
    let mut lines: Vec<String> = elements.iter().map(ToString::to_string).collect();
    let port = |port: usize| {
        if port == 0 {
            String::new()
        } else {
            format!(" [{port}]")
        }
    };
    lines.extend(config.connections().iter().map(|connection| {
        let from = &elements[connection.from.element].name;
        let to = &elements[connection.to.element].name;
        let (out, into) = (port(connection.from.port), port(connection.to.port));
        format!("{from}{out} ->{into} {to};")
    }));
    lines.sort();
    lines
}

fn check(text: &str, expected: &[&str]) {
    let mut expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
    expected.sort();
    assert_eq!(flatten(text), expected, "{text}");
}

#[test]
fn parameters_are_those_of_the_braces_around() {
    check(
        "elementclass Foo { $a | Print($a) }
         elementclass Far { $a, $b | Foo($b) }
         Far(wait_stop stop, stop);",
        &["Far@1/Foo@1/Print@1 :: Print(stop);"],
    );
    check(
        "elementclass Foo { $a |
           elementclass Bar { $b | Print($a, $b) }
           elementclass Baz { $a | Counter; Bar($a); }
           Baz(inner);
         }
         Foo(outer);",
        &[
            "Foo@1/Baz@1/Counter@1 :: Counter;",
            "Foo@1/Baz@1/Bar@2/Print@1 :: Print(outer, inner);",
        ],
    );
}

#[test]
fn lists_are_connected_one_by_one() {
    check(
        "a, b, c, p, q :: Counter;
         a, a[1] -> b -> p, q;
         p -> [0]c, [1]c; q -> [2]c;",
        &[
            "a :: Counter;",
            "b :: Counter;",
            "c :: Counter;",
            "p :: Counter;",
            "q :: Counter;",
            "a -> b;",
            "a [1] -> b;",
            "b -> p;",
            "b -> q;",
            "p -> c;",
            "p -> [1] c;",
            "q -> [2] c;",
        ],
    );
    check(
        "a, b, c :: Counter; a => b, c, [0,1] a;",
        &[
            "a :: Counter;",
            "b :: Counter;",
            "c :: Counter;",
            "a -> b;",
            "a [1] -> c;",
            "a [2] -> a;",
            "a [3] -> [1] a;",
        ],
    );
    check(
        "a, b :: Counter; a [2-4] => [1,0,] b",
        &[
            "a :: Counter;",
            "b :: Counter;",
            "a [2] -> [1] b;",
            "a [3] -> b;",
            "a [4] -> [1] b;",
        ],
    );
}

#[test]
fn braces_without_elements_are_wires() {
    check(
        "a, b :: Counter; a -> { -> } -> b; a [1] -> { [0] -> [0] } -> [1] b;",
        &[
            "a :: Counter;",
            "b :: Counter;",
            "a -> b;",
            "a [1] -> [1] b;",
        ],
    );
}

#[test]
fn groups_are_lists_with_statements() {
    let expected = &[
        "a :: Counter;",
        "b :: Counter;",
        "c :: Counter;",
        "d :: Counter;",
        "a -> c;",
        "a [1] -> b;",
        "a [2] -> d;",
    ];
    check("a, b, c, d :: Counter; a [0,1,2] => c, b, d;", expected);
    check(
        "a, b, c, d :: Counter; a [0,1,2] => ( -> c ), ( -> b ), d;",
        expected,
    );
    check(
        "a, d :: Counter; a => (-> c :: Counter), (-> b :: Counter), d;",
        expected,
    );
    let inside = expected.map(|line| {
        let prefixed = |word: &str| match word {
            "->" | "::" | "[1]" | "[2]" | "Counter;" => word.to_owned(),
            name => format!("foo/{name}"),
        };
        line.split(' ').map(prefixed).collect::<Vec<_>>().join(" ")
    });
    let inside: Vec<&str> = inside.iter().map(String::as_str).collect();
    check(
        "elementclass Foo { a, d :: Counter; a => (-> c :: Counter), (-> b :: Counter), d; }
         foo :: Foo",
        &inside,
    );
}

#[test]
fn groups_lie_in_groups() {
    let common = [
        "analyzer :: Counter;",
        "c :: Counter;",
        "post :: Counter;",
        "x1 :: Counter;",
        "x2 :: Counter;",
        "analyzer [1] -> post;",
        "c -> [1] analyzer;",
        "x1 -> analyzer;",
        "analyzer -> x2;",
    ];
    let with = |prefix: &str, number: usize| {
        let mut lines: Vec<String> = common.iter().map(ToString::to_string).collect();
        let print = format!("{prefix}Print@{number}");
        lines.extend([
            format!("{prefix}c2 :: Counter;"),
            format!("{print} :: Print(1);"),
            format!("c [1] -> {prefix}c2;"),
            format!("{prefix}c2 -> post;"),
            format!("{prefix}c2 [1] -> {print};"),
            format!("{print} -> post;"),
        ]);
        lines
    };
    let start = "analyzer, x1, x2 :: Counter; x1 -> analyzer -> x2;
        c :: Counter => [1] analyzer [1],";
    // The numbers count the walls of groups, too, as in Click.
    let mut group = with("", 12);
    group.sort();
    let text = format!("{start} (-> c2 :: Counter => (->), Print(1) ->) -> post :: Counter;");
    assert_eq!(flatten(&text), group);
    let mut compound = with("foo/", 5);
    compound.sort();
    let text =
        format!("{start} foo :: {{ -> c2 :: Counter => (->), Print(1) -> }} -> post :: Counter;");
    assert_eq!(flatten(&text), compound);
}

#[test]
fn the_first_variant_that_fits_is_taken() {
    check(
        "require(compact_config)
         elementclass Foo {
            $a, $b | input -> Print(1) -> output
         || $a, __REST__ $b | input -> Print(2) -> output
         || $a, TWO $b, __REST__ $c | input -> Print(3) -> output
         }
         s :: InfiniteSource -> Foo(A) -> f::Foo(A, TWO B)
         elementclass Foo { $a, $b | input -> Print(4) -> output || ... }
         f -> Foo(A, B) -> Foo(A, B, C) -> d :: Discard",
        &[
            "s :: InfiniteSource;",
            "d :: Discard;",
            "Foo@2/Print@1 :: Print(2);",
            "f/Print@1 :: Print(1);",
            "Foo@4/Print@1 :: Print(4);",
            "Foo@5/Print@1 :: Print(2);",
            "s -> Foo@2/Print@1;",
            "Foo@2/Print@1 -> f/Print@1;",
            "f/Print@1 -> Foo@4/Print@1;",
            "Foo@4/Print@1 -> Foo@5/Print@1;",
            "Foo@5/Print@1 -> d;",
        ],
    );
    // What the variants do not take is for the class of the table.
    check(
        "elementclass Print { $a, $b, $c | Counter || ... } Print(1); Print(1, 2, 3)",
        &["Print@1 :: Print(1);", "Print@2/Counter@1 :: Counter;"],
    );
}

#[test]
fn variants_differ_by_their_ports() {
    check(
        "elementclass Two { -> a :: Counter -> || -> b :: Counter ->; [1] -> c :: Discard }
         s, t :: InfiniteSource; d :: Discard;
         s -> x :: Two -> d; s [1] -> y :: Two -> d; t -> [1] y",
        &[
            "s :: InfiniteSource;",
            "t :: InfiniteSource;",
            "d :: Discard;",
            "x/a :: Counter;",
            "y/b :: Counter;",
            "y/c :: Discard;",
            "s -> x/a;",
            "x/a -> d;",
            "s [1] -> y/b;",
            "y/b -> d;",
            "t -> y/c;",
        ],
    );
}

#[test]
fn words_of_variables() {
    check(
        "elementclass Foo { $a | Print(\"$a\"); Print(\"${a[0]}\"); Print(\"${a[2]}\"); Print(\"${a[3]}\") }
         elementclass Bar { $a, $n | Print(\"${a[$n]}\") }
         elementclass Baz { $a | Bar(${a[1]} ${a[0]}, ${a[2]}) }
         Foo(A B C); Bar(D E F, 2); Baz(G H 1)",
        &[
            "Foo@1/Print@1 :: Print(\"A B C\");", "Foo@1/Print@2 :: Print(\"A\");",
            "Foo@1/Print@3 :: Print(\"C\");", "Foo@1/Print@4 :: Print(\"\");",
            "Bar@2/Print@1 :: Print(\"F\");", "Baz@3/Bar@1/Print@1 :: Print(\"G\");",
        ],
    );
}

#[test]
fn the_command_line_decides_about_variables() {
    let text = "define($a 1, $b $a) Print($a $b) -> Discard";
    let mut none = NoLibraries;
    let mut given = reading(&mut none);
    given.variables = vec![("a".into(), "2".into())];
    let lines = flatten_with(text, &mut given).unwrap();
    assert!(
        lines.contains(&"Print@1 :: Print(2 2);".into()),
        "{lines:?}"
    );
}

#[test]
fn a_synonym_is_the_class() {
    check(
        "elementclass C Counter; elementclass D { e :: C } D",
        &["D@1/e :: Counter;"],
    );
}

#[test]
fn preprocessor_lines_are_no_tokens() {
    check(
        "# 1 \"a\"\nm :: Print(\n# 100 \"foobar.click\"\n\"test\");",
        &["m :: Print(\"test\");"],
    );
}

#[test]
fn a_chain_that_ends_nowhere_is_a_warning_where_that_is_wanted() {
    let text = "a, b :: Counter; a -> b [0];";
    let strict = flatten_with(text, &mut reading(&mut NoLibraries)).unwrap_err();
    assert!(strict.contains("error[BPF-C001]"), "{strict}");
    let mut source = Source::new("test", text);
    let mut none = NoLibraries;
    let mut lenient = reading(&mut none);
    lenient.lenient = true;
    let config = Config::read(&mut source, &mut lenient).unwrap();
    let [warning]: &[ConfigError] = config.warnings() else {
        panic!("{:?}", config.warnings())
    };
    let shown = warning.render_warning(&source);
    assert!(
        shown.starts_with("test:1:25: warning[BPF-C001]: "),
        "{shown}"
    );
}

/// Libraries that are all there is.
#[derive(Debug, Default)]
struct Shelf {
    texts: BTreeMap<&'static str, &'static str>,
    opened: Vec<(String, String)>,
}

impl Libraries for Shelf {
    fn open(&mut self, name: &str, from: &str) -> Result<Library, HostError> {
        self.opened.push((name.into(), from.into()));
        let text = self.texts.get(name).ok_or_else(|| HostError::Unreadable {
            name: name.into(),
            reason: "no such file".into(),
        })?;
        Ok(Library {
            name: format!("shelf/{name}"),
            text: (*text).into(),
        })
    }
}

#[test]
fn libraries_are_read_once() {
    let mut shelf = Shelf::default();
    shelf.texts.insert(
        "lib",
        "require(library dir/lib2)\nelementclass A { b :: B; }",
    );
    shelf
        .texts
        .insert("dir/lib2", "elementclass B { i :: Counter; }");
    shelf.texts.insert("lib3", "require(library \"lib\")");
    let text = "require(library lib, library lib3)\na :: A;";
    let lines = flatten_with(text, &mut reading(&mut shelf)).unwrap();
    assert_eq!(lines, ["a/b/i :: Counter;"]);
    let opened: Vec<(&str, &str)> = shelf
        .opened
        .iter()
        .map(|(name, from)| (name.as_str(), from.as_str()))
        .collect();
    assert_eq!(
        opened,
        [
            ("lib", "test"),
            ("dir/lib2", "shelf/lib"),
            ("lib3", "test"),
            ("lib", "shelf/lib3")
        ]
    );
}

#[test]
fn a_mistake_in_a_library_is_shown_there() {
    let mut shelf = Shelf::default();
    shelf.texts.insert("lib", "\n  elementclass A Zebra;");
    let text = "Counter; require(library lib)";
    let error = flatten_with(text, &mut reading(&mut shelf)).unwrap_err();
    assert!(
        error.starts_with("shelf/lib:2:18: error[BPF-C003]"),
        "{error}"
    );
    let missing = flatten_with("require(library x)", &mut reading(&mut shelf)).unwrap_err();
    assert!(
        missing.starts_with("test:1:9: error[BPF-C012]"),
        "{missing}"
    );
}

#[test]
fn nobody_can_make_it_grow_without_end() {
    let doubling: String = (0..40)
        .map(|level| format!("elementclass C{} {{ C{level}; C{level} }} ", level + 1))
        .collect();
    let chain: String = (0..limits::MAX_NESTING + 1)
        .map(|level| format!("elementclass C{} {{ C{level} }} ", level + 1))
        .collect();
    let deep = "{".repeat(limits::MAX_NESTING + 1);
    let groups = "(".repeat(limits::MAX_NESTING + 1);
    let variables: String = (0..10)
        .map(|level| {
            format!(
                "define($v{level} {})",
                format!("$v{} ", level + 1).repeat(100)
            )
        })
        .collect();
    let wires: String = (0..30)
        .map(|level| format!("w{level} :: {{ -> }}; "))
        .collect();
    let joined: String = (0..29)
        .map(|level| {
            format!(
                "w{level} -> w{}; w{level} -> {{ -> }} -> w{}; ",
                level + 1,
                level + 1
            )
        })
        .collect();
    let ports = format!(
        "a, b :: Counter; a [0-254], {} => [] b",
        "a [0-254], ".repeat(2000) + "a"
    );
    for text in [
        format!("elementclass C0 {{ Counter }} {doubling} C40"),
        format!(
            "elementclass C0 {{ Counter }} {chain} C{}",
            limits::MAX_NESTING + 1
        ),
        deep,
        groups,
        format!("{variables} Print($v0)"),
        format!("{}a{} :: Counter", "# 1\n".repeat(3), "; a".repeat(5)),
        ports,
    ] {
        assert!(flatten_with(&text, &mut reading(&mut NoLibraries)).is_err());
    }
    // Thirty forks that join again are 2^30 ways, and one connection.
    let text = format!("{wires}{joined} Counter -> w0; w29 -> Discard");
    let lines = flatten(&text);
    assert_eq!(lines.len(), 3, "{lines:?}");
}
