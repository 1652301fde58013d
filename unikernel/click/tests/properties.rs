//! Whatever the text, reading it ends with a configuration or an error within the text.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

use click_graph::{Config, Router, Source};
use proptest::prelude::*;

/// Pieces of the language, so that random texts get far.
const PIECES: &[&str] = &[
    "a",
    "b",
    "c",
    "Counter",
    "Print",
    "InfiniteSource",
    "Discard",
    "Strip(1)",
    "ToDump(x)",
    "FromDump(x, STOP true)",
    " :: ",
    " -> ",
    "[0] ",
    " [1]",
    "[",
    "]",
    "(",
    ")",
    ",",
    ";",
    "\n",
    "// x\n",
    "/* x */",
    "/*",
    "'",
    "\"",
    "\\<00 ff>",
    "\\<",
    ">",
    "$x",
    "${x[1]-y}",
    "Print($x)",
    "Print(\"$x\")",
    "define($x 'a b')",
    "require(compact_config)",
    "elementclass D ",
    "elementclass E Counter ",
    "D ",
    "D(1) ",
    "{ -> Counter -> }",
    "{ $x, K $y, __REST__ $z | ",
    "( -> Counter -> )",
    "input",
    "output",
    "||",
    "...",
    "|",
    "[0-2] ",
    "[1,]",
    "[]",
    "# 7 \"file\"\n",
    "{",
    "}",
    "#",
    "=>",
    "\r",
    "\\",
    "LIMIT 5",
    "é",
    "\0",
];

fn check(text: &str) -> Result<(), TestCaseError> {
    let source = Source::new("test", text);
    match Config::parse(&source) {
        Ok(config) => {
            let flat = config.to_string();
            let again = Config::parse(&Source::new("flat", flat.clone()));
            let again = again.map_err(|error| TestCaseError::fail(format!("{error}: {flat}")))?;
            prop_assert_eq!(again.to_string(), flat);
            if let Err(error) = Router::check(config) {
                prop_assert!(error.render(&source).contains(error.code().id));
            }
        }
        Err(error) => {
            prop_assert!(error.span.start <= text.len());
            prop_assert!(!error.render(&source).contains('\0'));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in any::<String>()) {
        check(&text)?;
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        check(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn text_made_of_the_language(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..60),
    ) {
        check(&pieces.concat())?;
    }
}
