//! `bpfclick`, for the tests of this package: cargo builds only a package's own programs for them.
#![forbid(unsafe_code)]

use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    let interrupted = Default::default();
    let exit = click_host::cli::main(std::env::args_os(), &mut out, &mut err, interrupted);
    exit.number().into()
}
