//! Relocations and references that cannot be resolved: one test for each rule.

use bpf_object::{CodeProblem, Insn, ObjectError, RelocationProblem, Wide, codes};

use crate::patch::*;

const TYPE_64_64: u64 = 1;
const TYPE_64_32: u64 = 10;

/// In `.relfilter`: 0 a wide load of `counts` at 0x28, 1 one of `flows` at 0x90, 2 a call of
/// `global_function` at 0xc8, 3 a call of `.text` plus addend at 0xe0. In `.rel.text`: wide loads at
/// 0x18, 0x40, 0x80, 0xa8.
fn good() -> Patch {
    Patch::new(TWO_PROGRAMS)
}

fn relocated(section: &str, index: usize, field: Field, value: u64) -> Patch {
    good().set_relocation(section, index, field, value).clone()
}

/// Puts an addend into the first immediate of the instruction at a byte offset.
fn with_addend(section: &str, offset: usize, addend: i32) -> Patch {
    good()
        .word(section, offset + 4, addend.cast_unsigned())
        .clone()
}

#[test]
fn the_relocations_that_are_changed_here_are_where_they_are_thought_to_be() {
    let file = good();
    for (section, index, offset, kind) in [
        (".relfilter", 0, 0x28, TYPE_64_64),
        (".relfilter", 1, 0x90, TYPE_64_64),
        (".relfilter", 2, 0xc8, TYPE_64_32),
        (".relfilter", 3, 0xe0, TYPE_64_32),
        (".rel.text", 0, 0x18, TYPE_64_64),
        (".rel.text", 1, 0x40, TYPE_64_64),
    ] {
        let relocation = file.contents(section) + 16 * index;
        assert_eq!(file.get(relocation, R_OFFSET), offset);
        assert_eq!(file.get(relocation, R_TYPE), kind);
    }
}

#[test]
fn an_unknown_type_is_refused_in_code() {
    // None; those of debugging information; one that does not exist.
    for kind in [0, 2, 3, 4, 11, u64::from(u32::MAX)] {
        let file = relocated(".relfilter", 0, R_TYPE, kind);
        assert_refused!(
            file,
            codes::RELOCATION,
            ObjectError::Relocation { problem: RelocationProblem::Type(found), .. }
                if u64::from(*found) == kind
        );
    }
}

#[test]
fn a_place_out_of_bounds_is_refused() {
    for offset in [0x118, 0x2000, 1 << 32, u64::MAX, u64::MAX - 7] {
        let file = relocated(".relfilter", 0, R_OFFSET, offset);
        assert_refused!(
            file,
            codes::RELOCATION,
            ObjectError::Relocation { offset: found, problem: RelocationProblem::Place, .. }
                if *found == offset
        );
    }
}

#[test]
fn a_place_within_an_instruction_is_refused() {
    // Not a multiple of 8, and the second half of the wide load.
    for offset in [0x29, 0x2c, 0x30] {
        let file = relocated(".relfilter", 0, R_OFFSET, offset);
        assert_refused!(
            file,
            codes::RELOCATION,
            ObjectError::Relocation {
                problem: RelocationProblem::Place,
                ..
            }
        );
    }
}

#[test]
fn two_relocations_of_one_instruction_are_refused() {
    let file = relocated(".relfilter", 1, R_OFFSET, 0x28);
    assert_refused!(
        file,
        codes::AMBIGUOUS,
        ObjectError::Relocation {
            offset: 0x28,
            problem: RelocationProblem::Duplicate,
            ..
        }
    );
}

#[test]
fn the_order_of_relocations_does_not_matter() {
    let mut table = good().copy_contents(".relfilter");
    table.rotate_left(16);
    let mut file = good();
    let start = file.contents(".relfilter");
    file.0[start..start + table.len()].copy_from_slice(&table);
    let images = link_all(&file.0).unwrap();
    assert_eq!(images, link_all(TWO_PROGRAMS).unwrap());
}

#[test]
fn a_relocation_outside_of_functions_is_refused() {
    // `unreached` becomes a label: its code belongs to no function.
    let mut file = good();
    file.set_symbol("unreached", ST_INFO, 0x10);
    assert!(link_all(&file.0).is_ok());
    file.set_relocation(".rel.text", 0, R_OFFSET, 0xf8);
    assert_refused!(
        file,
        codes::RELOCATION,
        ObjectError::Relocation {
            offset: 0xf8,
            problem: RelocationProblem::NoFunction,
            ..
        }
    );
}

#[test]
fn a_symbol_that_does_not_exist_is_refused() {
    for symbol in [28, u64::from(u32::MAX)] {
        let file = relocated(".relfilter", 0, R_SYM, symbol);
        assert_refused!(
            file,
            codes::RELOCATION,
            ObjectError::Relocation { problem: RelocationProblem::NoSymbol(found), .. }
                if u64::from(*found) == symbol
        );
    }
}

#[test]
fn a_relocation_fits_its_instruction() {
    for (section, index, field, value) in [
        // A wide load as a call and the reverse.
        (".relfilter", 0, R_TYPE, TYPE_64_32),
        (".relfilter", 2, R_TYPE, TYPE_64_64),
        // An addition, a call of a helper.
        (".relfilter", 0, R_OFFSET, 0x20),
        (".relfilter", 2, R_OFFSET, 0x38),
    ] {
        let file = relocated(section, index, field, value);
        assert_refused!(
            file,
            codes::RELOCATION,
            ObjectError::Relocation {
                problem: RelocationProblem::Instruction { .. },
                ..
            }
        );
    }
}

#[test]
fn a_relocated_wide_load_has_nothing_but_an_addend() {
    // Source 1, and a second immediate.
    let file = good().byte("filter", 0x29, 0x11).clone();
    assert_refused!(
        file,
        codes::RELOCATION,
        ObjectError::Relocation {
            problem: RelocationProblem::Field {
                field: "src",
                value: 1
            },
            ..
        }
    );
    let file = good().word("filter", 0x34, 7).clone();
    assert_refused!(
        file,
        codes::RELOCATION,
        ObjectError::Relocation {
            problem: RelocationProblem::Field { value: 7, .. },
            ..
        }
    );
}

#[test]
fn what_is_declared_but_not_defined_is_named() {
    for file in [
        &include_bytes!("../fixtures/refused/undefined_function.o")[..],
        include_bytes!("../fixtures/refused/undefined_variable.o"),
    ] {
        assert_refused!(
            file,
            codes::UNDEFINED,
            ObjectError::Relocation { problem: RelocationProblem::Undefined(name), .. }
                if name == "elsewhere"
        );
    }
    // The null symbol and that of the source file are in no section either.
    for symbol in [0, 1] {
        let file = relocated(".relfilter", 0, R_SYM, symbol);
        assert_refused!(
            file,
            codes::UNDEFINED,
            ObjectError::Relocation { problem: RelocationProblem::Undefined(name), .. }
                if name.is_empty()
        );
    }
}

#[test]
fn an_address_of_code_is_refused() {
    for symbol in [".text", "sort"] {
        let index = if symbol == ".text" {
            2
        } else {
            good().symbol_index(symbol) as u64
        };
        let file = relocated(".relfilter", 0, R_SYM, index);
        assert_refused!(
            file,
            codes::RELOCATION,
            ObjectError::Relocation { problem: RelocationProblem::CodeAddress(name), .. }
                if name == symbol
        );
    }
    assert_refused!(
        include_bytes!("../fixtures/refused/function_pointer.o"),
        codes::RELOCATION,
        ObjectError::Relocation {
            problem: RelocationProblem::CodeAddress(_),
            ..
        }
    );
}

#[test]
fn an_address_of_neither_map_nor_data_is_refused() {
    let mut file = good();
    let btf = file.section(".BTF") as u64;
    file.set_symbol("calls", ST_SHNDX, btf);
    assert_refused!(
        file,
        codes::RELOCATION,
        ObjectError::Relocation { problem: RelocationProblem::NotData(name), .. } if name == "calls"
    );
    // A label in data.
    let file = good().set_symbol("calls", ST_INFO, 0x10).clone();
    assert_refused!(
        file,
        codes::RELOCATION,
        ObjectError::Relocation {
            problem: RelocationProblem::NotData(_),
            ..
        }
    );
    assert_refused!(
        include_bytes!("../fixtures/refused/custom_data_section.o"),
        codes::RELOCATION,
        ObjectError::Relocation { problem: RelocationProblem::NotData(name), .. }
            if name == "settings"
    );
}

#[test]
fn a_section_whose_name_only_begins_like_that_of_data_is_not_data() {
    let rename = |name: &str| {
        let mut file = good();
        let data = file.section_header(file.section(".data"));
        let mut names = file.copy_contents(".strtab");
        let offset = names.len() as u64;
        names.extend_from_slice(name.as_bytes());
        names.push(0);
        file.replace_contents(".strtab", &names)
            .set(data, SH_NAME, offset);
        file
    };
    for name in [".database", ".dat", "data", ".rodata2", ".bssx"] {
        let file = rename(name);
        assert_refused!(
            file,
            codes::RELOCATION,
            ObjectError::Relocation { problem: RelocationProblem::NotData(found), .. }
                if found == name
        );
    }
    for name in [".data.", ".data.x", ".bss.x.y"] {
        let images = link_all(&rename(name).0).unwrap();
        assert_eq!(images[1].data()[1].name, name);
    }
}

#[test]
fn data_that_holds_addresses_is_refused() {
    assert_refused!(
        include_bytes!("../fixtures/refused/data_with_addresses.o"),
        codes::RELOCATION,
        ObjectError::Relocation { problem: RelocationProblem::RelocatedData(name), .. }
            if name == ".data"
    );
}

#[test]
fn a_map_is_referred_to_by_its_start() {
    for addend in [8, 1, -8, 0x20, 0x40, i32::MAX, i32::MIN] {
        // 0x20 is the start of the other map: the sum counts, not the symbol.
        let file = with_addend("filter", 0x28, addend);
        if addend == 0x20 {
            let images = link_all(&file.0).unwrap();
            assert_eq!(images[0].maps()[0].name, "flows");
            continue;
        }
        assert_refused!(
            file,
            codes::RELOCATION,
            ObjectError::Relocation { problem: RelocationProblem::NoMap { offset, .. }, .. }
                if *offset == i64::from(addend)
        );
    }
}

#[test]
fn an_address_lies_within_its_data() {
    let data_offset = |file: &Patch| {
        let image = &link_all(&file.0).unwrap()[1];
        image.code().iter().find_map(|insn| match insn {
            Insn::Wide {
                value: Wide::Data { section: 1, offset },
                ..
            } => Some(*offset),
            _ => None,
        })
    };
    // `.data` has 8 bytes; symbol and addend are added.
    assert_eq!(data_offset(&good()), Some(0));
    assert_eq!(data_offset(&with_addend(".text", 0x40, 7)), Some(7));
    for addend in [8, 9, -1, i32::MAX, i32::MIN] {
        let file = with_addend(".text", 0x40, addend);
        assert_refused!(
            file,
            codes::RELOCATION,
            ObjectError::Relocation { problem: RelocationProblem::DataBounds { offset, .. }, .. }
                if *offset == i64::from(addend)
        );
    }
    let state = good().symbol_index("state") as u64;
    let mut file = relocated(".rel.text", 1, R_SYM, state);
    file.set_symbol("state", ST_SIZE, 4)
        .set_symbol("state", ST_VALUE, 4);
    assert_eq!(data_offset(&file), Some(4));
    assert_eq!(data_offset(file.word(".text", 0x44, 3)), Some(7));
    assert_refused!(
        file.word(".text", 0x44, 4),
        codes::RELOCATION,
        ObjectError::Relocation {
            problem: RelocationProblem::DataBounds { offset: 8, .. },
            ..
        }
    );
}

#[test]
fn a_call_leads_to_the_start_of_a_function() {
    // Addends of the call of `.text`: into a function, before the section, behind it.
    for addend in [0, 3, -2, 34, i32::MAX, i32::MIN] {
        let file = with_addend("filter", 0xe0, addend);
        assert_refused!(
            file,
            codes::RELOCATION,
            ObjectError::Relocation {
                problem: RelocationProblem::NoFunctionAt { .. },
                ..
            }
        );
    }
    // Of data.
    let data = good().symbol_index("calls") as u64;
    let file = relocated(".relfilter", 2, R_SYM, data);
    assert_refused!(
        file,
        codes::RELOCATION,
        ObjectError::Relocation {
            problem: RelocationProblem::NoFunctionAt { .. },
            ..
        }
    );
}

#[test]
fn a_call_without_relocation_leads_to_the_start_of_a_function() {
    // `global_function` calls `local_function`, two slots after the next.
    for distance in [0, 1, -2, 100, i32::MAX, i32::MIN] {
        let file = good().word(".text", 4, distance.cast_unsigned()).clone();
        assert_refused!(
            file,
            codes::IMAGE,
            ObjectError::Code { function, slot: 0, problem: CodeProblem::CallTarget(found) }
                if function == "global_function" && *found == distance
        );
    }
}

#[test]
fn a_reference_that_no_relocation_made_is_refused() {
    // The second relocation of `.relfilter` onwards: the load of `counts` has none.
    let table = good().copy_contents(".relfilter");
    let mut file = good();
    file.replace_contents(".relfilter", &table[16..]);
    assert!(link_all(&file.0).is_ok());
    for src in 1..=15_u8 {
        let file = file.clone().byte("filter", 0x29, src << 4 | 1).clone();
        assert_refused!(
            file,
            codes::FORGED_REFERENCE,
            ObjectError::Code { slot: 5, problem: CodeProblem::Forged(found), .. } if *found == src
        );
    }
}

#[test]
fn a_wide_load_at_the_end_of_its_function_is_refused() {
    // Also in a function that no program reaches.
    let file = good().byte(".text", 0x108, 0x18).clone();
    assert_refused!(
        file,
        codes::INSTRUCTION,
        ObjectError::Code { function, slot: 2, problem: CodeProblem::Truncated }
            if function == "unreached"
    );
}

#[test]
fn instructions_are_checked_where_a_program_reaches_them() {
    // An unknown opcode in `unreached` never gets into an image; in `count` it would.
    let file = good().byte(".text", 0xf8, 0xff).clone();
    assert!(link_all(&file.0).is_ok());
    let file = good().byte("filter", 0, 0xff).clone();
    assert_refused!(file, codes::INSTRUCTION, ObjectError::Image { .. });
    // `if r0 == 0 goto +3` at 0x40 leads out of the function; its last instruction is no exit.
    let file = good().byte("filter", 0x43, 0x70).clone();
    assert_refused!(file, codes::IMAGE, ObjectError::Image { .. });
    let file = good().byte("filter", 0x110, 0xbf).clone();
    assert_refused!(file, codes::IMAGE, ObjectError::Image { .. });
}
