//! `bpfsign explain`: what a diagnostic code means.

use core::fmt::Write as _;

use platform_click::{Code, ExitCode};
use serde_json::{Value, json};

use crate::args::Explain;
use crate::error::{CliError, codes};
use crate::output::Output;

/// Every diagnostic of the toolchain and the dataplane, by crate.
pub(crate) fn all_codes() -> Vec<Code> {
    let lists: &[&[Code]] = &[
        bpf_object::codes::ALL,
        bpf_verifier::codes::ALL,
        bpf_checker::codes::ALL,
        bpf_runtime::codes::ALL,
        bpf_jit::codes::ALL,
        bpf_statement::codes::ALL,
        bpf_trust::codes::ALL,
        bpf_control::codes::ALL,
        bpf_loader::codes::ALL,
        click_graph::codes::ALL,
        click_host::codes::ALL,
        click_guest::codes::ALL,
        bpf_pki::codes::ALL,
        codes::ALL,
    ];
    let mut codes: Vec<Code> = lists.concat();
    codes.sort_by_key(|code| code.id);
    codes
}

pub(crate) fn run(args: &Explain, output: &Output) -> Result<ExitCode, CliError> {
    let mut codes = all_codes();
    if let Some(wanted) = &args.code {
        codes.retain(|code| code.id.eq_ignore_ascii_case(wanted));
        if codes.is_empty() {
            return Err(CliError::message(
                codes::UNKNOWN_CODE,
                format!("no diagnostic `{wanted}`"),
            ));
        }
    }
    let single = args.code.is_some();
    output.result(
        || text(&codes, single),
        || codes.iter().map(to_json).collect(),
    );
    Ok(ExitCode::Accepted)
}

fn text(codes: &[Code], single: bool) -> String {
    let mut text = String::new();
    for code in codes {
        let _ = if single {
            let exit = code.exit;
            writeln!(
                text,
                "{}: {}\n\n{}\n\nA command that ends with it exits with {} ({}).",
                code.id,
                code.title,
                code.help,
                exit.number(),
                exit.meaning()
            )
        } else {
            writeln!(
                text,
                "{}  {:>2}  {}",
                code.id,
                code.exit.number(),
                code.title
            )
        };
    }
    text
}

fn to_json(code: &Code) -> Value {
    json!({
        "code": code.id,
        "exit": code.exit.number(),
        "title": code.title,
        "help": code.help,
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::args::Cli;

    /// A way out that does not exist is none.
    #[test]
    fn help_names_commands_that_exist() {
        for code in all_codes() {
            for quoted in code.help.split('`').skip(1).step_by(2) {
                let Some(words) = quoted.strip_prefix("bpfsign ") else {
                    continue;
                };
                let mut command = Cli::command();
                for word in words.split(' ') {
                    if !command.has_subcommands() {
                        break;
                    }
                    let found = command.find_subcommand(word).cloned();
                    command = found.unwrap_or_else(|| panic!("{}: `{quoted}`", code.id));
                }
            }
        }
    }

    #[test]
    fn codes_are_unique_and_well_formed() {
        let codes = all_codes();
        assert!(codes.windows(2).all(|pair| pair[0].id != pair[1].id));
        for code in codes {
            let (letter, number) = code.id.strip_prefix("BPF-").unwrap().split_at(1);
            assert!("OVKRJSTNLCUP".contains(letter), "{}", code.id);
            assert!(
                number.len() == 3 && number.parse::<u16>().is_ok(),
                "{}",
                code.id
            );
            assert!(
                !code.title.ends_with('.') && code.help.ends_with('.'),
                "{}",
                code.id
            );
        }
    }
}
