//! Which objects there are.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::error::codes;
use crate::report::Problem;
use crate::show::text;

/// What was found below the paths.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Objects, each once, by path.
    pub(super) objects: Vec<PathBuf>,
    /// Objects for other machines.
    pub(super) passed_over: Vec<PathBuf>,
    /// Folders that cannot be read: what is in them is not known.
    pub(super) problems: Vec<Problem>,
}

/// Files are judged whatever they are; in folders it is every `.o` that is not for another machine.
/// Links are followed; one that leads back to where it came from is passed over, since everything in it
/// is found without it.
pub(super) fn objects(paths: &[PathBuf]) -> Found {
    let mut found = Found::default();
    let mut known = BTreeSet::new();
    for path in paths {
        if !path.is_dir() {
            found.add(path.clone(), &mut known);
            continue;
        }
        let entries = WalkDir::new(path)
            .follow_links(true)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|entry| entry.file_name() != ".git");
        for entry in entries {
            match entry {
                Ok(entry) if is_object_name(entry.path()) && !entry.file_type().is_dir() => {
                    if is_for_another_machine(entry.path()) {
                        found.passed_over.push(entry.into_path());
                    } else {
                        found.add(entry.into_path(), &mut known);
                    }
                }
                Ok(_) => {}
                Err(error) if error.loop_ancestor().is_some() => {}
                Err(error) => found.unreadable(path, &error),
            }
        }
    }
    found
}

impl Found {
    fn add(&mut self, path: PathBuf, known: &mut BTreeSet<PathBuf>) {
        // What is not there is reported where it is read.
        let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
        if known.insert(whole) {
            self.objects.push(path);
        }
    }

    fn unreadable(&mut self, folder: &Path, error: &walkdir::Error) {
        let path = error.path().unwrap_or(folder);
        // A link to nothing is no object.
        if path.is_symlink() && !path.exists() && !is_object_name(path) {
            return;
        }
        let reason = error
            .io_error()
            .map_or_else(|| "it cannot be read".to_owned(), ToString::to_string);
        let message = format!("{}: {reason}", text::path(path));
        self.problems
            .push(Problem::new(codes::UNREADABLE, &message));
    }
}

fn is_object_name(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "o")
}

/// Whether the file is ELF, and not for eBPF (`e_machine`, 247). What cannot be read or is no ELF is
/// judged, and refused there.
fn is_for_another_machine(path: &Path) -> bool {
    // To open a pipe would wait for somebody to write into it.
    if !path.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return false;
    }
    let mut header = [0; 20];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    let [0x7f, b'E', b'L', b'F', _, order, .., low, high] = header else {
        return false;
    };
    let machine = if order == 2 {
        u16::from_be_bytes([low, high])
    } else {
        u16::from_le_bytes([low, high])
    };
    read.is_ok() && machine != 247
}
