//! Where passphrases come from: a file, a descriptor, or the person at the terminal.

use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use bpf_pki::{Passphrase, passphrase_from};
use zeroize::Zeroizing;

use crate::args::PassphraseArgs;

/// Asks where the options say. A passphrase that was read from a file serves for every key; at the
/// terminal each key is asked for.
pub(crate) fn source(args: &PassphraseArgs) -> impl FnMut(&str) -> io::Result<Zeroizing<String>> {
    let path = path(args);
    let mut read: Option<Zeroizing<String>> = None;
    move |key| match (&path, &read) {
        (None, _) => prompt(&format!("Passphrase of {key}: ")),
        (Some(_), Some(passphrase)) => Ok(passphrase.clone()),
        (Some(path), None) => {
            let passphrase = passphrase_from(File::open(path)?)?;
            read = Some(passphrase.clone());
            Ok(passphrase)
        }
    }
}

/// The passphrase for new keys: at the terminal it is typed twice.
pub(crate) fn for_new_keys(args: &PassphraseArgs) -> io::Result<Passphrase> {
    if let Some(path) = path(args) {
        return Ok(Passphrase(passphrase_from(File::open(path)?)?));
    }
    let first = prompt("Passphrase for the new keys: ")?;
    let second = prompt("The same again: ")?;
    if first == second && !first.is_empty() {
        return Ok(Passphrase(first));
    }
    Err(io::Error::other("the two passphrases differ, or are empty"))
}

fn path(args: &PassphraseArgs) -> Option<PathBuf> {
    let descriptor = args.passphrase_fd;
    let descriptor = descriptor.map(|number| PathBuf::from(format!("/dev/fd/{number}")));
    args.passphrase_file.clone().or(descriptor)
}

/// Without a terminal there is nobody to ask.
fn prompt(text: &str) -> io::Result<Zeroizing<String>> {
    if !io::stdin().is_terminal() {
        return Err(io::Error::other(
            "there is a passphrase to be given, and no terminal to ask for it at",
        ));
    }
    rpassword::prompt_password(text).map(Zeroizing::new)
}
