//! Objects that two readers could read in two ways, or that lead a reader astray.
//!
//! Neither does the signer sign one, nor does a loader take one that some other signer has signed:
//! both read it with the same strict parser.

use bpf_object::{Object, ParseOptions};
use bpf_statement::Symbol;

use crate::lab::{Lab, SIGN};
use crate::patch::*;

/// A good object with two programs.
fn good() -> Patch {
    Patch::new(TWO_PROGRAMS)
}

/// One of the objects that the tests of `bpf-object` hold.
fn fixture(name: &str) -> Patch {
    let path = format!("loader/object/tests/fixtures/refused/{name}.o");
    Patch(std::fs::read(e2e::root().join(path)).unwrap())
}

/// Signer and loader refuse each of these objects, the latter although it is genuinely signed.
#[track_caller]
fn refused(code: &str, objects: &[&Patch]) {
    let lab = Lab::running();
    let bundle = lab.read("prog.o.bpfsig");
    for object in objects {
        lab.write("prog.o", &object.0);
        lab.refuses(SIGN, code, 3);
        // The forger names the program as the object does, if that much can be read.
        let parsed = Object::parse(&object.0, ParseOptions::default());
        lab.forge(|claims| {
            if let Ok(object) = parsed {
                let name = object.programs()[0].name();
                claims.programs[0].name = Symbol::new(name).unwrap();
            }
        });
        lab.loader_refuses(code, 3);
        lab.write("prog.o.bpfsig", &bundle);
    }
}

/// A relocation in the section of the program `count`.
fn relocated(index: usize, field: Field, value: u64) -> Patch {
    good()
        .set_relocation(".relfilter", index, field, value)
        .clone()
}

#[test]
fn a20_duplicate_main() {
    // `count` in `filter` and `sort` in `classifier/sort` become two programs `count`; then a static
    // function has the name.
    let name = good().symbol_field("count", ST_NAME);
    refused(
        "BPF-O008",
        &[
            good().set_symbol("sort", ST_NAME, name),
            good().set_symbol("local_function", ST_NAME, name),
        ],
    );
}

#[test]
fn a20_two_symbol_tables() {
    refused(
        "BPF-O008",
        &[good().set_section(".llvm_addrsig", SH_TYPE, 2)],
    );
}

#[test]
fn a20_duplicate_section_names() {
    let name = good().section_field("filter", SH_NAME);
    let data = good().section_field(".data", SH_NAME);
    refused(
        "BPF-O008",
        &[
            good().set_section("classifier/sort", SH_NAME, name),
            good().set_section(".maps", SH_NAME, data),
        ],
    );
}

#[test]
fn a20_overlapping_sections_and_functions() {
    let offset = good().section_field("filter", SH_OFFSET);
    let size = good().section_field("filter", SH_SIZE);
    let function = good().symbol_field("global_function", ST_SIZE);
    refused(
        "BPF-O008",
        &[
            good().set_section("classifier/sort", SH_OFFSET, offset),
            good().set_section("filter", SH_SIZE, size + 1),
            good().set_section(".debug_line_str", SH_OFFSET, 0),
            good().set_symbol("global_function", ST_SIZE, function + 8),
        ],
    );
}

#[test]
fn a20_symbols_that_are_empty_or_leave_their_section() {
    refused(
        "BPF-O009",
        &[
            good().set_symbol("count", ST_SIZE, 0),
            good().set_symbol("unreached", ST_SIZE, 32),
            good().set_symbol("unreached", ST_SIZE, u64::MAX),
            good().set_symbol("unreached", ST_VALUE, u64::MAX - 7),
            good().set_symbol("unreached", ST_SHNDX, 0xffff), // SHN_XINDEX
            good().set_symbol("unreached", ST_SHNDX, 34),
        ],
    );
}

#[test]
fn a20_tables_of_other_shapes() {
    refused(
        "BPF-O007",
        &[
            good().header(E_SHENTSIZE, 63),
            good().header(E_SHENTSIZE, 0),
            good().header(E_SHNUM, 0), // extended numbering
            good().header(E_SHSTRNDX, 0xffff),
            good().header(E_SHOFF, u64::MAX - 63),
            good().set_section(".symtab", SH_ENTSIZE, 23),
            good().set_section(".text", SH_SIZE, 1 << 32),
        ],
    );
}

#[test]
fn a20_other_machines_and_types() {
    let mut class_32 = good();
    class_32.0[4] = 1;
    refused(
        "BPF-O005",
        &[&fixture("bpfeb"), &fixture("x86_64"), &class_32],
    );
    // ET_DYN, ET_EXEC.
    refused(
        "BPF-O006",
        &[good().header(E_TYPE, 3), good().header(E_TYPE, 2)],
    );
}

#[test]
fn a20_code_where_a_reader_might_not_look() {
    refused("BPF-O010", &[&fixture("unknown_section")]);
}

#[test]
fn a21_relocations_out_of_bounds() {
    refused(
        "BPF-O012",
        &[
            &relocated(0, R_OFFSET, 0x118),
            &relocated(0, R_OFFSET, u64::MAX - 7),
            &relocated(0, R_SYM, u64::from(u32::MAX)),
        ],
    );
}

#[test]
fn a21_relocations_within_instructions() {
    refused(
        "BPF-O012",
        &[
            &relocated(0, R_OFFSET, 0x30), // the second half of a wide load
            &relocated(0, R_OFFSET, 0x2c),
            &relocated(0, R_OFFSET, 0x20), // an addition
        ],
    );
}

#[test]
fn a21_relocations_of_other_types() {
    refused(
        "BPF-O012",
        &[
            &relocated(0, R_TYPE, 10), // a call's, of a wide load
            &relocated(2, R_TYPE, 1),
            &relocated(0, R_TYPE, 2),
            &relocated(0, R_TYPE, u64::from(u32::MAX)),
        ],
    );
}

#[test]
fn a21_relocations_to_neither_map_nor_data() {
    let sort = good().symbol_index("sort") as u64;
    refused(
        "BPF-O012",
        &[
            &relocated(0, R_SYM, sort),
            &relocated(0, R_SYM, 2), // the section `.text`
            &fixture("function_pointer"),
        ],
    );
}

#[test]
fn a21_two_relocations_of_one_instruction() {
    refused("BPF-O008", &[&relocated(1, R_OFFSET, 0x28)]);
}

/// A map that no relocation names, written into the instruction by hand.
#[test]
fn a21_reference_without_a_relocation() {
    // The relocation of the first wide load moves elsewhere; what is left says "map 0".
    let mut file = good();
    let section = file.contents(".relfilter");
    let kept = file.copy_contents(".relfilter")[16..].to_vec();
    file.0[section..section + kept.len()].copy_from_slice(&kept);
    file.set_section(".relfilter", SH_SIZE, kept.len() as u64)
        .byte("filter", 0x29, 0x11);
    refused("BPF-O014", &[&file]);
}

/// 38: a map that would take all memory is refused before anything is allocated.
#[test]
fn a38_map_of_four_billion_entries() {
    refused("BPF-O003", &[&fixture("map_shape")]);
}

/// 38: more programs, maps or data than there may be.
#[test]
fn a38_objects_above_the_limits() {
    refused(
        "BPF-O018",
        &[
            &fixture("nine_programs"),
            &fixture("seventeen_maps"),
            &fixture("large_bss"),
            good().header(E_SHNUM, 257),
        ],
    );
}
