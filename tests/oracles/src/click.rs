//! Configurations of the router.

use click_graph::{Config, Router, Source};

/// Reading a configuration ends with an error whose place lies in the text, or with a configuration
/// that is the same when it is written and read again. Checking it ends with a diagnostic, or none.
pub fn click_config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let source = Source::new("fuzz", text.as_str());
    match Config::parse(&source) {
        Ok(config) => {
            let flat = config.to_string();
            let again = Config::parse(&Source::new("flat", flat.clone()))
                .expect("what was written can be read");
            assert_eq!(again.to_string(), flat, "written twice");
            if let Err(error) = Router::check(config) {
                assert!(error.render(&source).contains(error.code().id));
            }
        }
        Err(error) => {
            assert!(error.span.start <= text.len(), "a place behind the text");
            assert!(!error.render(&source).contains('\0'));
        }
    }
}
