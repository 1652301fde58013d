//! The files of a module: an archive in the form that `cpio --format=newc` and Linux' initramfs have.
//!
//! Only regular files are taken out; folders are passed over, everything else is refused. Names are
//! paths without a leading `/` or `./`.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use platform_click::Code;

use crate::codes;

/// Files of an archive: a configuration, trust bundles, programs with their bundles.
pub const MAX_FILES: usize = 256;

/// Bytes of a name.
pub const MAX_NAME: usize = 255;

const MAGIC: &[u8] = b"070701";
/// Bytes of a header: the magic and thirteen numbers of eight hexadecimal digits.
const HEADER: usize = 110;
const TRAILER: &str = "TRAILER!!!";
/// What of a mode says which kind of file it is, and two kinds.
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;

/// Why bytes are no archive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// A header is malformed.
    #[error("byte {0}: no header of a file in the form newc")]
    Header(usize),
    /// It ends too early.
    #[error("it ends within a file that begins at byte {0}")]
    Truncated(usize),
    /// A name is not text, empty, or too long.
    #[error("byte {0}: a name that is not text of 1 to {MAX_NAME} bytes")]
    Name(usize),
    /// Something that is neither a file nor a folder.
    #[error("`{0}` is neither a file nor a folder")]
    Kind(String),
    /// Two files of one name.
    #[error("`{0}` is there twice")]
    Twice(String),
    /// Too many files.
    #[error("it has more than {MAX_FILES} files")]
    TooMany,
}

impl ArchiveError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        codes::ARCHIVE
    }
}

/// The files of an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Archive<'a> {
    /// Names and contents, in the order of the archive.
    files: Vec<(&'a str, &'a [u8])>,
}

impl<'a> Archive<'a> {
    /// Reads an archive. What lies behind its end is not looked at.
    ///
    /// # Errors
    /// It is malformed.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ArchiveError> {
        let mut files: Vec<(&str, &[u8])> = Vec::new();
        let mut at = 0;
        // Folders count, too: the loop ends.
        for _ in 0..=MAX_FILES {
            let entry = Entry::read(bytes, at)?;
            if entry.name == TRAILER {
                return Ok(Self { files });
            }
            match entry.mode & KIND {
                REGULAR if files.iter().any(|(name, _)| *name == entry.name) => {
                    return Err(ArchiveError::Twice(entry.name.into()));
                }
                REGULAR => files.push((entry.name, entry.contents)),
                FOLDER => {}
                _ => return Err(ArchiveError::Kind(entry.name.into())),
            }
            at = entry.end;
        }
        Err(ArchiveError::TooMany)
    }

    /// The contents of a file.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&'a [u8]> {
        let name = name.strip_prefix("./").unwrap_or(name);
        let found = self.files.iter().find(|(other, _)| *other == name);
        found.map(|(_, contents)| *contents)
    }

    /// Every file's name and contents.
    pub fn files(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + '_ {
        self.files.iter().copied()
    }
}

struct Entry<'a> {
    name: &'a str,
    mode: u32,
    contents: &'a [u8],
    /// Where the next one begins.
    end: usize,
}

impl<'a> Entry<'a> {
    fn read(bytes: &'a [u8], at: usize) -> Result<Self, ArchiveError> {
        let truncated = ArchiveError::Truncated(at);
        let header = bytes.get(at..).and_then(|rest| rest.get(..HEADER));
        let header = header.ok_or(ArchiveError::Truncated(at))?;
        let numbers = header.strip_prefix(MAGIC);
        let numbers = numbers.ok_or(ArchiveError::Header(at))?;
        let number = |index: usize| {
            let digits = numbers.chunks_exact(8).nth(index)?;
            // `from_str_radix` takes a sign, too.
            let plain = digits.iter().all(u8::is_ascii_hexdigit);
            let digits = str::from_utf8(digits).ok().filter(|_| plain)?;
            u32::from_str_radix(digits, 16).ok()
        };
        let header = || ArchiveError::Header(at);
        let mode = number(1).ok_or_else(header)?;
        let len = number(6).and_then(|len| usize::try_from(len).ok());
        let len = len.ok_or_else(header)?;
        let name_len = number(11).and_then(|len| usize::try_from(len).ok());
        let name_len = name_len.ok_or_else(header)?;

        let name_start = at.saturating_add(HEADER);
        let name_end = name_start.saturating_add(name_len);
        let name = bytes.get(name_start..name_end).ok_or(truncated)?;
        let name = name.strip_suffix(&[0]).unwrap_or_default();
        let name = str::from_utf8(name).unwrap_or_default();
        let name = name.strip_prefix("./").unwrap_or(name);
        let legal = (1..=MAX_NAME).contains(&name.len()) && !name.contains('\0');
        if !legal {
            return Err(ArchiveError::Name(at));
        }
        let start = padded(name_end);
        let end = start.saturating_add(len);
        let contents = bytes.get(start..end);
        Ok(Self {
            name,
            mode,
            contents: contents.ok_or(ArchiveError::Truncated(at))?,
            end: padded(end),
        })
    }
}

/// Everything begins at a multiple of four.
const fn padded(at: usize) -> usize {
    at.saturating_add(3) & !3
}

/// Writes an archive of these files, byte for byte the same for the same files. Names are to be those of
/// [`Archive::parse`].
#[must_use]
pub fn write(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, (name, contents)) in files.iter().enumerate() {
        append(
            &mut out,
            number.saturating_add(1),
            name,
            0o100_644,
            contents,
        );
    }
    append(&mut out, 0, TRAILER, 0, &[]);
    out
}

fn append(out: &mut Vec<u8>, inode: usize, name: &str, mode: u32, contents: &[u8]) {
    let (len, name_len) = (contents.len(), name.len().saturating_add(1));
    let header = format!(
        "070701{inode:08X}{mode:08X}{0:08X}{0:08X}{1:08X}{0:08X}{len:08X}{0:08X}{0:08X}{0:08X}{0:08X}\
         {name_len:08X}{0:08X}",
        0, 1
    );
    out.extend_from_slice(header.as_bytes());
    out.extend_from_slice(name.as_bytes());
    out.push(0);
    out.resize(padded(out.len()), 0);
    out.extend_from_slice(contents);
    out.resize(padded(out.len()), 0);
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let files: [(&str, &[u8]); 4] = [
            ("config.click", b"Idle -> Discard"),
            ("empty", b""),
            ("programs/a.o", &[0x7f, b'E', 0]),
            ("x", &[1; 4096]),
        ];
        let bytes = write(&files);
        let archive = Archive::parse(&bytes).unwrap();
        assert_eq!(archive.files().collect::<Vec<_>>(), files);
        assert_eq!(archive.file("./empty"), Some(&b""[..]));
        assert_eq!(archive.file("y"), None);
        assert_eq!(Archive::parse(&write(&[])).unwrap().files().count(), 0);
    }

    /// By `find . | cpio --create --format=newc`, from a folder with a file in a folder.
    #[test]
    fn what_cpio_writes_is_read() {
        let mut bytes = Vec::new();
        append(&mut bytes, 1, ".", 0o040_755, b"");
        append(&mut bytes, 2, "./programs", 0o040_755, b"");
        append(&mut bytes, 3, "./programs/a.o", 0o100_600, b"abc");
        append(&mut bytes, 0, TRAILER, 0, b"");
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        let archive = Archive::parse(&bytes).unwrap();
        let files: Vec<_> = archive.files().collect();
        assert_eq!(files, [("programs/a.o", &b"abc"[..])]);
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let good = write(&[("a", b"abc")]);
        let refused = |bytes: &[u8]| Archive::parse(bytes).unwrap_err();
        assert_eq!(refused(b""), ArchiveError::Truncated(0));
        assert_eq!(refused(&[b'0'; 200]), ArchiveError::Header(0));
        assert_eq!(refused(&good[..112]), ArchiveError::Truncated(0));
        assert_eq!(refused(&good[..120]), ArchiveError::Truncated(116));
        let with = |at: usize, with: &[u8]| {
            let mut bytes = good.clone();
            bytes[at..at + with.len()].copy_from_slice(with);
            refused(&bytes)
        };
        assert_eq!(with(54, b"FFFFFFFF"), ArchiveError::Truncated(0));
        assert_eq!(with(54, b"+0000003"), ArchiveError::Header(0));
        assert_eq!(with(94, b"FFFFFFFF"), ArchiveError::Truncated(0));
        assert_eq!(with(94, b"00000000"), ArchiveError::Name(0));
        assert_eq!(with(110, &[0xff]), ArchiveError::Name(0));
        assert_eq!(with(14, b"0000A1FF"), ArchiveError::Kind("a".into()));
        let twice = write(&[("a", b""), ("a", b"")]);
        assert_eq!(refused(&twice), ArchiveError::Twice("a".into()));
        let names: Vec<String> = (0..300).map(|number| format!("{number}")).collect();
        let many: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &[][..])).collect();
        assert_eq!(refused(&write(&many)), ArchiveError::TooMany);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            at in 0_usize..400, with in proptest::collection::vec(any::<u8>(), 0..20)
        ) {
            let mut bytes = write(&[("config.click", b"Idle"), ("a", &[7; 50])]);
            let end = (at + with.len()).min(bytes.len());
            let start = at.min(end);
            bytes.splice(start..end, with);
            let _ = Archive::parse(&bytes);
            let _ = Archive::parse(&vec![b'0'; at]);
        }
    }
}
