//! `bpfclick`: runs a Click configuration.
#![forbid(unsafe_code)]

use core::sync::atomic::AtomicBool;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use click_host::cli;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

fn main() -> ExitCode {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        // The second signal kills; a handler that cannot be installed leaves the first to do that.
        let _ = flag::register_conditional_default(signal, Arc::clone(&interrupted));
        let _ = flag::register(signal, Arc::clone(&interrupted));
    }
    let mut out = io::stdout().lock();
    let mut err = io::stderr().lock();
    cli::main(std::env::args_os(), &mut out, &mut err, interrupted)
        .number()
        .into()
}
