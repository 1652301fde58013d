//! `bpfsign`, for the tests of this package: cargo builds only a package's own programs for them.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    bpfsign::main()
}
