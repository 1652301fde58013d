//! `bpfsign disasm`: the instructions as they are verified and run.

use bpf_object::{Object, ParseOptions};
use platform_click::{ExitCode, limits};
use serde_json::json;

use crate::args::Disasm;
use crate::error::{CliError, codes};
use crate::files;
use crate::output::Output;

pub(crate) fn run(args: &Disasm, output: &Output) -> Result<ExitCode, CliError> {
    let bytes = files::read(&args.object, limits::MAX_OBJECT_SIZE)?;
    let malformed =
        |error: bpf_object::ObjectError| CliError::new(error.code(), &error).about(&args.object);
    let object = Object::parse(&bytes, ParseOptions::default()).map_err(malformed)?;
    let mut listings = Vec::new();
    for program in object.programs() {
        if args
            .program
            .as_ref()
            .is_none_or(|wanted| wanted == program.name())
        {
            let image = object.link(program).map_err(malformed)?;
            listings.push((program, image.listing().to_string()));
        }
    }
    if listings.is_empty() {
        let names: Vec<&str> = object
            .programs()
            .iter()
            .map(bpf_object::Program::name)
            .collect();
        let message = format!("no program of that name; there are: {}", names.join(", "));
        return Err(CliError::message(codes::NO_PROGRAM, message).about(&args.object));
    }
    output.result(
        || {
            listings
                .iter()
                .map(|(program, listing)| {
                    format!("{} ({}):\n{listing}", program.name(), program.kind())
                })
                .collect::<Vec<_>>()
                .join("\n")
        },
        || {
            listings
                .iter()
                .map(|(program, listing)| json!({ "program": program.name(), "listing": listing }))
                .collect()
        },
    );
    Ok(ExitCode::Accepted)
}
