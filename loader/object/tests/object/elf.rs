//! ELF headers and sections that are not as they must be: one test for each rule.

use crate::patch::*;
use bpf_object::{HeaderProblem, ObjectError, SectionProblem, codes};
use platform_click::limits;

const SHT_NOBITS: u64 = 8;
const SHT_RELA: u64 = 4;
const SHF_WRITE: u64 = 1;
const SHF_ALLOC: u64 = 2;
const SHF_EXECINSTR: u64 = 4;
const SHF_COMPRESSED: u64 = 0x800;

fn good() -> Patch {
    Patch::new(TWO_PROGRAMS)
}

#[test]
fn the_objects_that_are_changed_here_are_good() {
    for (name, file) in ALL {
        link_all(file).expect(name);
    }
}

#[test]
fn an_empty_file_is_refused() {
    assert_refused!([], codes::NOT_AN_OBJECT, ObjectError::Empty);
}

#[test]
fn a_file_over_the_limit_is_refused_and_one_at_it_is_read() {
    let mut file = vec![0; limits::MAX_OBJECT_SIZE];
    assert_refused!(file, codes::NOT_AN_OBJECT, ObjectError::NotElf);
    file.push(0);
    assert_refused!(file, codes::LIMIT, ObjectError::TooLarge(size) if *size == file.len());
    let mut padded = TWO_PROGRAMS.to_vec();
    padded.resize(limits::MAX_OBJECT_SIZE, 0);
    assert!(parse(&padded).is_ok());
}

#[test]
fn text_and_other_formats_are_not_elf() {
    for file in [&b"#include <stdio.h>"[..], b"\x7fELG", b"\0", b"!<arch>\n"] {
        assert_refused!(file, codes::NOT_AN_OBJECT, ObjectError::NotElf);
    }
}

#[test]
fn a_header_that_is_cut_short_is_refused() {
    for len in 4..64 {
        let file = &TWO_PROGRAMS[..len];
        assert_refused!(
            file,
            codes::MALFORMED,
            ObjectError::Header(HeaderProblem::Truncated(_))
        );
    }
}

#[test]
fn a_32_bit_object_is_refused() {
    let mut file = good();
    file.0[4] = 1;
    assert_refused!(file, codes::ARCHITECTURE, ObjectError::Class(1));
}

#[test]
fn a_big_endian_object_is_refused() {
    let file = include_bytes!("../fixtures/refused/bpfeb.o");
    assert_refused!(file, codes::ARCHITECTURE, ObjectError::ByteOrder(2));
}

#[test]
fn an_x86_object_is_refused() {
    let file = include_bytes!("../fixtures/refused/x86_64.o");
    assert_refused!(file, codes::ARCHITECTURE, ObjectError::Machine(62));
    // No machine at all, as some old compilers wrote it.
    let file = good().header(E_MACHINE, 0).clone();
    assert_refused!(file, codes::ARCHITECTURE, ObjectError::Machine(0));
}

#[test]
fn what_is_linked_already_is_refused() {
    for kind in [0, 2, 3, 4] {
        let file = good().header(E_TYPE, kind).clone();
        assert_refused!(file, codes::NOT_RELOCATABLE, ObjectError::FileType(found) if u64::from(*found) == kind);
    }
}

#[test]
fn header_fields_with_one_legal_value_have_it() {
    for (field, value, name) in [
        (E_VERSION, 2, "e_version"),
        (E_EHSIZE, 52, "e_ehsize"),
        (E_PHNUM, 1, "e_phnum"),
        (E_SHENTSIZE, 63, "e_shentsize"),
        (E_SHENTSIZE, 0, "e_shentsize"),
    ] {
        let file = good().header(field, value).clone();
        assert_refused!(
            file,
            codes::MALFORMED,
            ObjectError::Header(HeaderProblem::Field { field, value: found, .. })
                if *field == name && *found == value
        );
    }
    let mut file = good();
    file.0[6] = 0;
    assert_refused!(
        file,
        codes::MALFORMED,
        ObjectError::Header(HeaderProblem::Field {
            field: "EI_VERSION",
            ..
        })
    );
}

#[test]
fn extended_section_numbering_is_refused() {
    let null = good().section_header(0);
    for file in [
        good().header(E_SHNUM, 0).clone(),
        good().header(E_SHNUM, 0xff00).clone(),
        good().header(E_SHSTRNDX, 0xffff).clone(),
        // Where extended numbering keeps the numbers.
        good().set(null, SH_SIZE, 34).clone(),
        good().set(null, SH_LINK, 1).clone(),
    ] {
        assert_refused!(
            file,
            codes::MALFORMED,
            ObjectError::Header(HeaderProblem::ExtendedNumbering)
        );
    }
}

#[test]
fn too_many_sections_are_refused() {
    let file = good().header(E_SHNUM, 257).clone();
    assert_refused!(file, codes::LIMIT, ObjectError::TooManySections(257));
}

#[test]
fn a_section_table_out_of_bounds_is_refused() {
    let past_end = TWO_PROGRAMS.len() as u64 - 34 * 64 + 1;
    for offset in [past_end, u64::MAX, u64::MAX - 63, 1 << 63] {
        let file = good().header(E_SHOFF, offset).clone();
        assert_refused!(
            file,
            codes::MALFORMED,
            ObjectError::Header(HeaderProblem::SectionTable { .. })
        );
    }
}

#[test]
fn names_of_sections_come_from_a_string_table() {
    let symtab = good().section(".symtab") as u64;
    for index in [0, symtab, 34, 0xfeff] {
        let file = good().header(E_SHSTRNDX, index).clone();
        assert_refused!(
            file,
            codes::MALFORMED,
            ObjectError::Header(HeaderProblem::SectionNames(found)) if *found as u64 == index
        );
    }
}

#[test]
fn the_first_section_is_the_null_section() {
    let null = good().section_header(0);
    let file = good().set(null, SH_TYPE, 1).clone();
    assert_refused!(
        file,
        codes::MALFORMED,
        ObjectError::Section {
            index: 0,
            problem: SectionProblem::Field {
                field: "sh_type",
                ..
            },
            ..
        }
    );
}

#[test]
fn contents_out_of_bounds_are_refused() {
    for (offset, size) in [
        (TWO_PROGRAMS.len() as u64, 1),
        (0x40, u64::MAX),
        (u64::MAX, 8),
        (u64::MAX - 3, 8),
        (0x40, 1 << 32),
    ] {
        let mut file = good();
        file.set_section(".text", SH_OFFSET, offset)
            .set_section(".text", SH_SIZE, size);
        assert_refused!(
            file,
            codes::MALFORMED,
            ObjectError::Section {
                index: 2,
                problem: SectionProblem::Bounds { .. },
                ..
            }
        );
    }
}

#[test]
fn overlapping_sections_are_refused() {
    // Two sections with code at one place: each reader may take the other one.
    let mut file = good();
    let offset = file.section_field("filter", SH_OFFSET);
    file.set_section("classifier/sort", SH_OFFSET, offset);
    assert_refused!(file, codes::AMBIGUOUS, ObjectError::Overlap { .. });
    // By one byte.
    let mut file = good();
    let size = file.section_field("filter", SH_SIZE);
    file.set_section("filter", SH_SIZE, size + 1);
    assert_refused!(
        file,
        codes::AMBIGUOUS,
        ObjectError::Overlap { first, second } if first == "filter" && second == "classifier/sort"
    );
}

#[test]
fn sections_over_the_headers_are_refused() {
    let mut file = good();
    file.set_section(".debug_line_str", SH_OFFSET, 0);
    assert_refused!(
        file,
        codes::AMBIGUOUS,
        ObjectError::Overlap { first, .. } if first.contains("header") || first.contains("debug")
    );
    let mut file = good();
    let table = file.get(0, E_SHOFF);
    file.set_section(".debug_line_str", SH_OFFSET, table + 64);
    assert_refused!(
        file,
        codes::AMBIGUOUS,
        ObjectError::Overlap { first, .. } if first == "the section table"
    );
}

#[test]
fn two_sections_of_one_name_are_refused() {
    let mut file = good();
    let name = file.section_field("filter", SH_NAME);
    file.set_section("classifier/sort", SH_NAME, name);
    assert_refused!(file, codes::AMBIGUOUS, ObjectError::DuplicateSection(name) if name == "filter");
    // Data too: an offset in `.rodata` must mean one byte.
    let mut file = good();
    let name = file.section_field(".data", SH_NAME);
    file.set_section(".maps", SH_NAME, name);
    assert_refused!(file, codes::AMBIGUOUS, ObjectError::DuplicateSection(name) if name == ".data");
    // Sections that nobody reads may share a name.
    let mut file = good();
    let name = file.section_field(".debug_str", SH_NAME);
    file.set_section(".debug_line_str", SH_NAME, name);
    assert!(link_all(&file.0).is_ok());
}

#[test]
fn two_symbol_tables_are_refused() {
    let mut file = good();
    file.set_section(".llvm_addrsig", SH_TYPE, 2);
    assert_refused!(file, codes::AMBIGUOUS, ObjectError::TwoSymbolTables(32, 33));
}

#[test]
fn a_name_of_a_section_is_printable_and_ends() {
    let end = good().section_field(".strtab", SH_SIZE);
    for offset in [end, 0xffff_ffff] {
        let file = good().set_section(".data", SH_NAME, offset).clone();
        assert_refused!(
            file,
            codes::NAME,
            ObjectError::Section {
                problem: SectionProblem::Name,
                ..
            }
        );
    }
    // An escape sequence would reach the terminal of whoever reads the error.
    let file = good().text(".strtab", "\0.maps", "\0\x1b[2Jx").clone();
    assert_refused!(
        file,
        codes::NAME,
        ObjectError::Section {
            problem: SectionProblem::Name,
            ..
        }
    );
    // One longer than any name, and the longest: then it is only no name for data.
    let mut file = good();
    let data = file.section_header(file.section(".data"));
    let mut names = file.copy_contents(".strtab");
    let long = names.len() as u64;
    names.extend([b'a'; 1025]);
    names.push(0);
    file.replace_contents(".strtab", &names)
        .set(data, SH_NAME, long);
    assert_refused!(
        file,
        codes::NAME,
        ObjectError::Section {
            problem: SectionProblem::Name,
            ..
        }
    );
    file.set(data, SH_NAME, long + 1);
    assert_refused!(file, codes::RELOCATION, ObjectError::Relocation { .. });
}

#[test]
fn code_in_a_section_of_unknown_name_is_refused() {
    for name in ["xilter", "filtex", "filte/", "Filter"] {
        let mut file = good();
        file.text(".strtab", ".relfilter", &format!(".rel{name}"));
        assert_refused!(
            file,
            codes::UNKNOWN_SECTION,
            ObjectError::UnknownSection(found) if found == name
        );
    }
    // The message lists the names that are known.
    let error = parse(include_bytes!("../fixtures/refused/unknown_section.o")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the section `xdp` is for no kind of program: programs go into filter, classifier, \
         rewriter or control (or with a suffix, as in filter/name), functions that they call \
         into .text"
    );
}

#[test]
fn an_executable_section_without_code_is_unknown_too() {
    let mut file = good();
    file.set_section(".data", SH_FLAGS, SHF_ALLOC | SHF_EXECINSTR);
    assert_refused!(
        file,
        codes::UNKNOWN_SECTION,
        ObjectError::UnknownSection(name) if name == ".data"
    );
}

#[test]
fn flags_agree_with_the_name() {
    for (section, flags) in [
        ("filter", SHF_ALLOC),
        ("filter", SHF_EXECINSTR),
        ("filter", SHF_ALLOC | SHF_EXECINSTR | SHF_WRITE),
        (".rodata.cst16", SHF_ALLOC | SHF_WRITE),
        (".data", SHF_ALLOC),
        (".bss", SHF_WRITE),
        (".maps", 0),
        (".BTF", SHF_COMPRESSED),
        (".text", SHF_ALLOC | SHF_EXECINSTR | SHF_COMPRESSED),
    ] {
        let file = good().set_section(section, SH_FLAGS, flags).clone();
        assert_refused!(
            file,
            codes::MALFORMED,
            ObjectError::Section { name, problem: SectionProblem::Field { field: "sh_flags", value }, .. }
                if name == section && *value == flags
        );
    }
}

#[test]
fn types_agree_with_the_name() {
    for section in ["filter", ".text", ".maps", ".BTF", ".rodata.cst16"] {
        let file = good().set_section(section, SH_TYPE, SHT_NOBITS).clone();
        assert_refused!(
            file,
            codes::MALFORMED,
            ObjectError::Section { name, problem: SectionProblem::Field { field: "sh_type", .. }, .. }
                if name == section
        );
    }
}

#[test]
fn code_is_whole_instructions() {
    let mut code = good().copy_contents("classifier/sort");
    code.push(0);
    let file = good().replace_contents("classifier/sort", &code).clone();
    assert_refused!(
        file,
        codes::MALFORMED,
        ObjectError::Section {
            problem: SectionProblem::Size { size: 33, entry: 8 },
            ..
        }
    );
}

#[test]
fn tables_have_entries_of_their_size() {
    for (section, entry) in [(".symtab", 24), (".relfilter", 16)] {
        for size in [0, 1, entry - 1, entry + 1, u64::MAX] {
            let file = good().set_section(section, SH_ENTSIZE, size).clone();
            assert_refused!(
                file,
                codes::MALFORMED,
                ObjectError::Section { name, problem: SectionProblem::Field { field: "sh_entsize", .. }, .. }
                    if name == section
            );
        }
        let mut table = good().copy_contents(section);
        table.pop();
        let file = good().replace_contents(section, &table).clone();
        assert_refused!(
            file,
            codes::MALFORMED,
            ObjectError::Section { name, problem: SectionProblem::Size { .. }, .. }
                if name == section
        );
    }
}

#[test]
fn links_between_sections_lead_to_what_they_must() {
    for (section, field, value, name) in [
        (".symtab", SH_LINK, 0xffff, "sh_link"),
        (".symtab", SH_LINK, 2, "sh_type"),
        (".relfilter", SH_INFO, 0xffff, "sh_info"),
        (".relfilter", SH_LINK, 0, "sh_link"),
        (".relfilter", SH_LINK, 1, "sh_link"),
        (".relfilter", SH_TYPE, SHT_RELA, "sh_type"),
    ] {
        let file = good().set_section(section, field, value).clone();
        assert_refused!(
            file,
            codes::MALFORMED,
            ObjectError::Section { problem: SectionProblem::Field { field, .. }, .. }
                if *field == name
        );
    }
}

#[test]
fn a_string_table_ends_with_a_zero() {
    let mut file = good();
    let mut names = file.copy_contents(".strtab");
    names.push(b'x');
    file.replace_contents(".strtab", &names);
    assert_refused!(
        file,
        codes::MALFORMED,
        ObjectError::Section {
            problem: SectionProblem::Unterminated,
            ..
        }
    );
}

#[test]
fn a_section_relocated_twice_is_refused() {
    let mut file = good();
    let filter = file.section("filter") as u64;
    file.set_section(".relclassifier/sort", SH_INFO, filter);
    assert_refused!(
        file,
        codes::AMBIGUOUS,
        ObjectError::Section { problem: SectionProblem::RelocatedTwice(name), .. } if name == "filter"
    );
}

#[test]
fn a_bss_of_any_size_costs_nothing() {
    for size in [1 << 18, 1 << 32, u64::MAX - 64] {
        let file = good().set_section(".bss", SH_SIZE, size).clone();
        assert!(parse(&file.0).is_ok());
        assert_refused!(file, codes::LIMIT, ObjectError::Image { .. });
    }
}
