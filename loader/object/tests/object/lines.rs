//! Source lines from `.BTF.ext`.

use bpf_object::{BtfProblem, Image, ObjectError, codes};

use crate::btf::{Btf, line_section};
use crate::patch::*;

/// An object without maps, whose lines are replaced. Its program has 2 slots or more in `filter`.
fn with_lines(btf: &Btf, lines: &[u8]) -> Patch {
    let mut file = Patch::new(V4);
    file.replace_contents(".BTF", &btf.finish())
        .replace_contents(".BTF.ext", lines);
    file
}

/// One line at the start of the program, with this text.
fn with_text(text: &[u8]) -> Patch {
    let mut btf = Btf::new();
    let (section, file, text) = (btf.string("filter"), btf.string("a.c"), btf.string(text));
    with_lines(
        &btf,
        &line_section(section, &[[0, file, text, 7 << 10 | 3]]),
    )
}

fn only_image(file: &Patch) -> Image {
    link_all(&file.0).unwrap().remove(0)
}

#[test]
fn a_line_has_file_text_line_and_column() {
    let image = only_image(&with_text(b"\treturn 1;"));
    let line = image.lines().get(0).unwrap();
    assert_eq!((&*line.file, &*line.text), ("a.c", "\treturn 1;"));
    assert_eq!((line.line, line.column), (7, 3));
}

#[test]
fn the_image_is_the_same_without_lines() {
    let mut file = Patch::new(TWO_PROGRAMS);
    let name = file.section_field(".symtab", SH_NAME);
    file.set_section(".BTF.ext", SH_NAME, name);
    let digests = |file: &[u8]| -> Vec<_> {
        let images = link_all(file).unwrap();
        images.iter().map(Image::digest).collect()
    };
    assert!(only_image(&file).lines().is_empty());
    assert_eq!(digests(&file.0), digests(TWO_PROGRAMS));
}

#[test]
fn a_function_without_lines_does_not_have_those_of_the_function_before_it() {
    let mut file = Patch::new(TWO_PROGRAMS);
    // The strings of `.BTF` begin behind its header and its types.
    let btf = file.copy_contents(".BTF");
    let types = u32::from_le_bytes(btf[12..16].try_into().unwrap());
    let section = btf
        .windows(16)
        .position(|window| window == b"classifier/sort\0")
        .unwrap() as u32;
    let lines = line_section(section - 24 - types, &[[8, 0, 0, 5 << 10]]);
    file.replace_contents(".BTF.ext", &lines);
    let image = &link_all(&file.0).unwrap()[1];
    let callee = image.functions()[1].start;
    assert_eq!(image.lines().get(0), None);
    assert_eq!(image.lines().get(1).unwrap().line, 5);
    assert_eq!(image.lines().get(callee - 1).unwrap().line, 5);
    assert_eq!(image.lines().get(callee), None);
}

#[test]
fn text_cannot_write_to_a_terminal() {
    for (text, want) in [
        (&b"\x1b[2J"[..], "\u{fffd}[2J"),
        (b"a\r\nb\x07", "a\u{fffd}\u{fffd}b\u{fffd}"),
        ("x\u{9b}31m".as_bytes(), "x\u{fffd}31m"),
        ("a\u{202e}b\u{2066}c".as_bytes(), "a\u{fffd}b\u{fffd}c"),
        (b"caf\xe9", "caf\u{fffd}"),
        ("café".as_bytes(), "café"),
    ] {
        let image = only_image(&with_text(text));
        assert_eq!(&*image.lines().get(0).unwrap().text, want);
    }
}

#[test]
fn lines_belong_to_sections_with_code() {
    for name in [".data", "nowhere", ""] {
        let mut btf = Btf::new();
        let section = btf.string(name);
        let file = with_lines(&btf, &line_section(section, &[[0, 0, 0, 0]]));
        assert_refused!(
            file,
            codes::BTF,
            ObjectError::Btf(BtfProblem::LineSection(found)) if found == name
        );
    }
}

#[test]
fn lines_belong_to_instructions() {
    let mut btf = Btf::new();
    let section = btf.string("filter");
    let size = Patch::new(V4).section_field("filter", SH_SIZE) as u32;
    for offset in [1, 4, size, size + 8, u32::MAX] {
        let file = with_lines(&btf, &line_section(section, &[[offset, 0, 0, 0]]));
        assert_refused!(
            file,
            codes::BTF,
            ObjectError::Btf(BtfProblem::LineOffset { offset: found, .. }) if *found == offset
        );
    }
}

#[test]
fn texts_are_strings_that_do_not_overlap() {
    let mut btf = Btf::new();
    let section = btf.string("filter");
    let text = btf.string([b'x'; 1000]);
    let file = with_lines(&btf, &line_section(section, &[[0, 0, u32::MAX, 0]]));
    assert_refused!(
        file,
        codes::BTF,
        ObjectError::Btf(BtfProblem::String(u32::MAX))
    );
    // Each line names the same text from one character later on: quadratic memory.
    let records: Vec<_> = (0..1000).map(|i| [0, 0, text + i, 0]).collect();
    let file = with_lines(&btf, &line_section(section, &records));
    assert_refused!(file, codes::BTF, ObjectError::Btf(BtfProblem::LineTexts));
    // The same text for every line is one text.
    let records = vec![[0, 0, text, 0]; 1000];
    assert!(link_all(&with_lines(&btf, &line_section(section, &records)).0).is_ok());
}

#[test]
fn records_lie_within_their_part() {
    let mut btf = Btf::new();
    let section = btf.string("filter");
    let good = line_section(section, &[[0, 0, 0, 0]]);
    // More records than bytes; records shorter than a line; a size of 4 GiB.
    for (offset, value) in [(32, 2), (32, u32::MAX), (24, u32::MAX)] {
        let mut lines = good.clone();
        lines[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
        let file = with_lines(&btf, &lines);
        assert!(link_all(&file.0).is_err(), "{offset} {value}");
    }
    for size in [0_u32, 8, 15] {
        let mut lines = good.clone();
        lines[24..28].copy_from_slice(&size.to_le_bytes());
        let file = with_lines(&btf, &lines);
        assert_refused!(
            file,
            codes::BTF,
            ObjectError::Btf(BtfProblem::Header("line records"))
        );
    }
    // Longer records than those known have fields that are not.
    let mut lines = good.clone();
    lines[20..24].copy_from_slice(&32_u32.to_le_bytes());
    lines[24..28].copy_from_slice(&20_u32.to_le_bytes());
    lines.extend([0; 4]);
    assert!(link_all(&with_lines(&btf, &lines).0).is_ok());
}

#[test]
fn a_header_of_lines_is_as_it_must_be() {
    for (offset, value) in [(0, 0_u8), (2, 2), (3, 1), (4, 23)] {
        let file = Patch::new(V4).byte(".BTF.ext", offset, value).clone();
        assert_refused!(
            file,
            codes::BTF,
            ObjectError::Btf(BtfProblem::Header(".BTF.ext"))
        );
    }
    for field in [8, 12, 16, 20] {
        let file = Patch::new(V4).word(".BTF.ext", field, u32::MAX).clone();
        assert_refused!(file, codes::BTF, ObjectError::Btf(BtfProblem::Bounds(_)));
    }
    // Lines need the strings of `.BTF`.
    let mut file = Patch::new(V4);
    let name = file.section_field(".symtab", SH_NAME);
    file.set_section(".BTF", SH_NAME, name);
    assert_refused!(
        file,
        codes::BTF,
        ObjectError::Btf(BtfProblem::Header(".BTF"))
    );
}

#[test]
fn compile_once_relocations_are_refused() {
    assert_refused!(
        include_bytes!("../fixtures/refused/co_re.o"),
        codes::RELOCATION,
        ObjectError::Btf(BtfProblem::CoRe)
    );
}
