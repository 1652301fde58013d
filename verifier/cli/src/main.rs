//! `bpfsign`.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    bpfsign::main()
}
