//! `bpfsign platform`: the table that everything is verified against.

use platform_click::{ExitCode, Platform, header::Header};
use serde_json::json;

use crate::args;
use crate::output::Output;

pub(crate) fn run(command: &args::Platform, output: &Output) -> ExitCode {
    let text = match command {
        args::Platform::Show => Platform.to_string(),
        args::Platform::Header => Header.to_string(),
        args::Platform::Digest => format!("{}\n", Platform.digest()),
    };
    output.result(
        || text.clone(),
        || {
            json!({
                "platform": Platform::NAME,
                "sha256": Platform.digest().to_string(),
                "text": text,
            })
        },
    );
    ExitCode::Accepted
}
