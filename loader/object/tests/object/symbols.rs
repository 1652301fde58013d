//! Symbols and programs that are not as they must be: one test for each rule.

use crate::patch::*;
use bpf_object::{Object, ObjectError, ParseOptions, SymbolProblem, codes};
use platform_click::ProgramKind;

fn good() -> Patch {
    Patch::new(TWO_PROGRAMS)
}

#[test]
fn the_first_symbol_is_the_null_symbol() {
    for (field, value) in [(ST_SHNDX, 2), (ST_VALUE, 1), (ST_SIZE, 1)] {
        let symbol = good().symbol_at(0);
        let file = good().set(symbol, field, value).clone();
        assert_refused!(
            file,
            codes::SYMBOL,
            ObjectError::Symbol {
                index: 0,
                problem: SymbolProblem::NotNull,
                ..
            }
        );
    }
}

#[test]
fn the_symbol_of_a_section_is_at_its_start() {
    // Symbol 2 is that of `.text`: a value would shift every call by section and addend.
    let symbol = good().symbol_at(2);
    let file = good().set(symbol, ST_VALUE, 8).clone();
    assert_refused!(
        file,
        codes::SYMBOL,
        ObjectError::Symbol {
            index: 2,
            problem: SymbolProblem::NotNull,
            ..
        }
    );
}

#[test]
fn types_and_bindings_are_those_of_objects() {
    // Thread-local, common and indirect functions; bindings of other systems.
    for info in [0x16, 0x15, 0x1a, 0xa2, 0x32, 0xff] {
        let file = good().set_symbol("unreached", ST_INFO, info).clone();
        assert_refused!(
            file,
            codes::SYMBOL,
            ObjectError::Symbol { problem: SymbolProblem::Info(found), .. } if u64::from(*found) == info
        );
    }
}

#[test]
fn a_symbol_lies_in_a_section_that_exists() {
    // Out of bounds, processor-specific, common, extended.
    for index in [34, 0xff00, 0xfff2, 0xffff] {
        let file = good().set_symbol("unreached", ST_SHNDX, index).clone();
        assert_refused!(
            file,
            codes::SYMBOL,
            ObjectError::Symbol { name, problem: SymbolProblem::SectionIndex(_), .. } if name == "unreached"
        );
    }
    let file = include_bytes!("../fixtures/refused/common_symbol.o");
    assert_refused!(
        file,
        codes::SYMBOL,
        ObjectError::Symbol {
            problem: SymbolProblem::SectionIndex(0xfff2),
            ..
        }
    );
}

#[test]
fn a_symbol_lies_within_its_section() {
    for (value, size) in [
        (0xf8, 32),
        (0x110, 8),
        (u64::MAX - 7, 8),
        (8, u64::MAX),
        (0, 1 << 32),
    ] {
        let mut file = good();
        file.set_symbol("unreached", ST_VALUE, value)
            .set_symbol("unreached", ST_SIZE, size);
        assert_refused!(
            file,
            codes::SYMBOL,
            ObjectError::Symbol {
                problem: SymbolProblem::Bounds {
                    section_size: 0x110,
                    ..
                },
                ..
            }
        );
    }
}

#[test]
fn a_function_has_instructions() {
    let file = good().set_symbol("count", ST_SIZE, 0).clone();
    assert_refused!(
        file,
        codes::SYMBOL,
        ObjectError::Symbol {
            problem: SymbolProblem::EmptyFunction,
            ..
        }
    );
}

#[test]
fn a_function_starts_and_ends_at_instructions() {
    for (value, size) in [(0xf8, 23), (0xf8, 4), (0xfc, 8), (0xf9, 8)] {
        let mut file = good();
        file.set_symbol("unreached", ST_VALUE, value)
            .set_symbol("unreached", ST_SIZE, size);
        assert_refused!(
            file,
            codes::SYMBOL,
            ObjectError::Symbol {
                problem: SymbolProblem::Alignment { .. },
                ..
            }
        );
    }
}

#[test]
fn functions_do_not_overlap() {
    let mut file = good();
    let size = file.symbol_field("global_function", ST_SIZE);
    file.set_symbol("global_function", ST_SIZE, size + 8);
    assert_refused!(
        file,
        codes::AMBIGUOUS,
        ObjectError::Symbol { name, problem: SymbolProblem::Overlap(other), .. }
            if name == "local_function" && other == "global_function"
    );
    // Two names for one function: which one is the program?
    let mut file = good();
    let value = file.symbol_field("local_function", ST_VALUE);
    let size = file.symbol_field("local_function", ST_SIZE);
    file.set_symbol("unreached", ST_VALUE, value)
        .set_symbol("unreached", ST_SIZE, size);
    assert_refused!(
        file,
        codes::AMBIGUOUS,
        ObjectError::Symbol {
            problem: SymbolProblem::Overlap(_),
            ..
        }
    );
}

#[test]
fn a_function_lies_in_code() {
    for section in [".data", ".maps", ".BTF"] {
        let mut file = good();
        let index = file.section(section) as u64;
        file.set_symbol("unreached", ST_SHNDX, index)
            .set_symbol("unreached", ST_VALUE, 0)
            .set_symbol("unreached", ST_SIZE, 8);
        assert_refused!(
            file,
            codes::SYMBOL,
            ObjectError::Symbol { problem: SymbolProblem::NotCode(name), .. } if name == section
        );
    }
}

#[test]
fn a_name_of_a_symbol_is_printable_and_ends() {
    let file = good().set_symbol("count", ST_NAME, 0xffff_ffff).clone();
    assert_refused!(
        file,
        codes::NAME,
        ObjectError::Symbol {
            problem: SymbolProblem::Name,
            ..
        }
    );
    let file = good().text(".strtab", "unreached", "unreach\x1b[").clone();
    assert_refused!(
        file,
        codes::NAME,
        ObjectError::Symbol {
            problem: SymbolProblem::Name,
            ..
        }
    );
    // A function without a name.
    let file = good().set_symbol("unreached", ST_NAME, 0).clone();
    assert_refused!(
        file,
        codes::NAME,
        ObjectError::Symbol {
            problem: SymbolProblem::Name,
            ..
        }
    );
}

#[test]
fn two_global_symbols_of_one_name_are_refused() {
    let mut file = good();
    let name = file.symbol_field("calls", ST_NAME);
    file.set_symbol("unreached", ST_NAME, name);
    assert_refused!(file, codes::AMBIGUOUS, ObjectError::DuplicateSymbol(name) if name == "calls");
}

#[test]
fn a_second_main_is_refused() {
    // `count` in `filter` and `sort` in `classifier/sort`, both named `count`.
    let mut file = good();
    let name = file.symbol_field("count", ST_NAME);
    file.set_symbol("sort", ST_NAME, name);
    assert_refused!(file, codes::AMBIGUOUS, ObjectError::DuplicateSymbol(name) if name == "count");
    // A static function of the name: a reader that ignores bindings would take it.
    let mut file = good();
    file.set_symbol("local_function", ST_NAME, name);
    assert_refused!(file, codes::AMBIGUOUS, ObjectError::DuplicateSymbol(name) if name == "count");
}

#[test]
fn static_functions_of_one_name_are_no_programs_and_accepted() {
    let mut file = good();
    let name = file.symbol_field("local_function", ST_NAME);
    file.set_symbol("unreached", ST_INFO, 2)
        .set_symbol("unreached", ST_NAME, name);
    assert!(link_all(&file.0).is_ok());
}

#[test]
fn an_object_without_a_global_function_in_a_program_section_has_no_program() {
    for file in [
        &include_bytes!("../fixtures/refused/no_program.o")[..],
        // No symbols at all.
        &{
            let mut file = good();
            file.set_section(".symtab", SH_TYPE, 1);
            file.0
        },
    ] {
        let error = parse(file).unwrap_err();
        assert!(
            error == ObjectError::NoProgram || matches!(error, ObjectError::Section { .. }),
            "{error:?}"
        );
    }
    assert_refused!(
        include_bytes!("../fixtures/refused/no_program.o"),
        codes::NO_PROGRAM,
        ObjectError::NoProgram
    );
}

#[test]
fn nine_programs_are_refused() {
    assert_refused!(
        include_bytes!("../fixtures/refused/nine_programs.o"),
        codes::LIMIT,
        ObjectError::TooManyPrograms(9)
    );
}

#[test]
fn the_name_of_a_program_fits_into_a_statement() {
    assert_refused!(
        include_bytes!("../fixtures/refused/long_name.o"),
        codes::NAME,
        ObjectError::ProgramName(name) if name.len() == 64
    );
    for name in ["../..", "a b=c", "$(id)"] {
        let mut file = good();
        file.text(".strtab", "\0count\0", &format!("\0{name}\0"));
        assert_refused!(
            file,
            codes::NAME,
            ObjectError::ProgramName(_)
                | ObjectError::Symbol {
                    problem: SymbolProblem::Name,
                    ..
                }
        );
    }
}

#[test]
fn the_kind_of_programs_in_bpffilter_is_an_option() {
    for kind in ProgramKind::ALL {
        let object = Object::parse(LEGACY_MAPS, ParseOptions { bpffilter: *kind }).unwrap();
        let [program] = object.programs() else {
            panic!("{:?}", object.programs());
        };
        assert_eq!(
            (program.name(), program.kind(), program.section()),
            ("main", *kind, "bpffilter")
        );
    }
    let object = parse(LEGACY_MAPS).unwrap();
    assert_eq!(object.programs()[0].kind(), ProgramKind::Filter);
    // It says nothing about sections that name a kind.
    let options = ParseOptions {
        bpffilter: ProgramKind::Control,
    };
    let object = Object::parse(TWO_PROGRAMS, options).unwrap();
    assert_eq!(object.programs()[0].kind(), ProgramKind::Filter);
}

#[test]
fn a_program_of_another_object_is_not_linked() {
    let other = parse(LEGACY_MAPS).unwrap();
    let error = parse(TWO_PROGRAMS)
        .unwrap()
        .link(&other.programs()[0])
        .unwrap_err();
    assert_eq!(error, ObjectError::NoSuchProgram("main".into()));
    assert_eq!(error.code(), codes::NO_PROGRAM);
    assert!(parse(TWO_PROGRAMS).unwrap().program("main").is_none());
}
