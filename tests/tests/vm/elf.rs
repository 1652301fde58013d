//! What the file of the image promises to loaders, and to whoever fears pages that can be written and
//! executed.

use std::fs;

use platform_click::Digest;

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn u64_at(bytes: &[u8], at: usize) -> usize {
    let number = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    usize::try_from(number).unwrap()
}

/// Headers of a table, by the offsets of its place, size and number in the header of the file.
fn headers(file: &[u8], place: usize, size: usize) -> Vec<&[u8]> {
    let (start, size, count) = (
        u64_at(file, place),
        u16_at(file, size),
        u16_at(file, size + 2),
    );
    let size = usize::from(size);
    let table = &file[start..start + size * usize::from(count)];
    table.chunks_exact(size).collect()
}

const LOAD: u32 = 1;
const NOTE: u32 = 4;
const EXECUTE: u32 = 1;
const WRITE: u32 = 2;

#[test]
fn no_segment_can_be_written_and_executed() {
    let file = fs::read(e2e::image()).unwrap();
    let segments = headers(&file, 32, 54);
    let loaded: Vec<u32> = segments
        .iter()
        .filter(|segment| u32_at(segment, 0) == LOAD)
        .map(|segment| u32_at(segment, 4))
        .collect();
    assert!(loaded.len() >= 3);
    for flags in loaded {
        assert_ne!(flags & (WRITE | EXECUTE), WRITE | EXECUTE);
    }
    // Nor is there one that says what the stack may be: the kernel's page tables do.
    assert!(
        segments
            .iter()
            .all(|segment| matches!(u32_at(segment, 0), LOAD | NOTE))
    );
}

/// `XEN_ELFNOTE_PHYS32_ENTRY`, with eight bytes, since QEMU reads so many.
#[test]
fn the_note_says_where_a_machine_starts() {
    let file = fs::read(e2e::image()).unwrap();
    let segments = headers(&file, 32, 54);
    let note = segments
        .iter()
        .find(|segment| u32_at(segment, 0) == NOTE)
        .unwrap();
    let note = &file[u64_at(note, 8)..];
    assert_eq!(
        [u32_at(note, 0), u32_at(note, 4), u32_at(note, 8)],
        [4, 8, 18]
    );
    assert_eq!(&note[12..16], b"Xen\0");
    let entry = u64_at(note, 16);
    assert_eq!(entry, u64_at(&file, 24));
    assert!((0x10_0000..0x10_1000).contains(&entry));
}

/// Nothing is left to be found by a dynamic linker.
#[test]
fn no_symbol_is_undefined() {
    const SYMBOLS: u32 = 2;
    let file = fs::read(e2e::image()).unwrap();
    let sections = headers(&file, 40, 58);
    let table = sections
        .iter()
        .find(|section| u32_at(section, 4) == SYMBOLS)
        .unwrap();
    let start = u64_at(table, 24);
    let symbols = &file[start..start + u64_at(table, 32)];
    let undefined = symbols
        .chunks_exact(24)
        .skip(1)
        .filter(|symbol| u16_at(symbol, 6) == 0);
    assert_eq!(undefined.count(), 0);
}

/// Of the parts that are loaded from the file, which is what a stripped image has.
#[test]
fn the_image_is_small() {
    let file = fs::read(e2e::image()).unwrap();
    let segments = headers(&file, 32, 54);
    let loaded = segments.iter().filter(|segment| u32_at(segment, 0) == LOAD);
    let bytes: usize = loaded.map(|segment| u64_at(segment, 32)).sum();
    assert!(bytes <= MAX_IMAGE, "{bytes} bytes");
}

/// Bytes. The aim is a mebibyte; every element class of the router, with its manual, is in it so far.
const MAX_IMAGE: usize = 1_800_000;

/// An image trusts nobody until it is told whom.
#[test]
fn the_image_holds_no_root_keys() {
    let mut file = fs::read(e2e::image()).unwrap();
    let mark = click_guest::root::MARK;
    let at = file.windows(32).position(|bytes| bytes == mark).unwrap();
    assert_eq!(file[at + 32..at + 64], [0; 32]);
    assert!(click_guest::root::write(&mut file, &Digest::of(b"keys")).is_some());
}
