//! What makes parts an image, and what its digest is taken of.

use bpf_object::{
    Cond, DataSection, Function, Image, ImageError, ImageParts, Insn, Line, LineTable, MapDef,
    Operand, RawInsn, Reg, Wide, Width, codes,
};
use platform_click::{Digest, MapKind, MapShapeError, ProgramKind, limits};

const EXIT: RawInsn = slot(0x95, 0, 0, 0, 0);

const fn slot(opcode: u8, dst: u8, src: u8, off: i16, imm: i32) -> RawInsn {
    RawInsn {
        opcode,
        dst,
        src,
        off,
        imm,
    }
}

fn function(name: &str, start: u32) -> Function {
    Function {
        name: name.into(),
        start,
    }
}

fn map(name: &str) -> MapDef {
    MapDef {
        name: name.into(),
        kind: MapKind::Hash,
        key_size: 4,
        value_size: 8,
        max_entries: 16,
    }
}

fn data(name: &str, size: usize) -> DataSection {
    DataSection {
        name: name.into(),
        bytes: vec![7; size],
        writable: true,
    }
}

/// Loads a map and an address in data, calls a function that returns.
fn good() -> ImageParts {
    ImageParts {
        kind: ProgramKind::Rewriter,
        code: vec![
            slot(0x18, 1, 1, 0, 0),
            slot(0, 0, 0, 0, 0),
            slot(0x18, 2, 2, 0, 0),
            slot(0, 0, 0, 0, 3),
            slot(0x85, 0, 1, 0, 1),
            EXIT,
            slot(0xb7, 0, 0, 0, 1),
            EXIT,
        ],
        functions: vec![function("entry", 0), function("_ZN3fooE$x", 6)],
        maps: vec![map("flows")],
        data: vec![data(".data", 4)],
        lines: LineTable::default(),
    }
}

fn refused(change: impl FnOnce(&mut ImageParts)) -> ImageError {
    let mut parts = good();
    change(&mut parts);
    Image::new(parts).unwrap_err()
}

fn digest(change: impl FnOnce(&mut ImageParts)) -> Digest {
    let mut parts = good();
    change(&mut parts);
    Image::new(parts).unwrap().digest()
}

/// Byte for byte what `docs/formats.md` says.
#[test]
fn the_canonical_encoding_is_that_of_the_documentation() {
    let image = Image::new(good()).unwrap();
    let mut want = b"bpf-image/1\0".to_vec();
    want.push(3);
    want.extend([0, 0, 0, 0]);
    want.extend([8, 0, 0, 0]);
    for raw in good().code {
        want.extend(raw.to_bytes());
    }
    want.extend([1, 0, 0, 0]);
    want.extend([5, 0, 0, 0]);
    want.extend(b"flows");
    for field in [1_u32, 4, 8, 16] {
        want.extend(field.to_le_bytes());
    }
    want.extend([1, 0, 0, 0]);
    want.extend([5, 0, 0, 0]);
    want.extend(b".data");
    want.push(1);
    want.extend([4, 0, 0, 0, 7, 7, 7, 7]);
    assert_eq!(image.canonical(), want);
    assert_eq!(image.digest(), Digest::of(&want));
}

#[test]
fn the_digest_depends_on_everything_that_runs() {
    let base = digest(|_| ());
    for (what, changed) in [
        ("kind", digest(|parts| parts.kind = ProgramKind::Filter)),
        ("code", digest(|parts| parts.code[6].imm = 2)),
        (
            "map name",
            digest(|parts| parts.maps[0].name = "other".into()),
        ),
        (
            "map kind",
            digest(|parts| parts.maps[0].kind = MapKind::Array),
        ),
        ("key size", digest(|parts| parts.maps[0].key_size = 8)),
        ("value size", digest(|parts| parts.maps[0].value_size = 4)),
        ("entries", digest(|parts| parts.maps[0].max_entries = 17)),
        ("a map more", digest(|parts| parts.maps.push(map("unused")))),
        (
            "data name",
            digest(|parts| parts.data[0].name = ".bss".into()),
        ),
        ("data", digest(|parts| parts.data[0].bytes[0] = 8)),
        ("data size", digest(|parts| parts.data[0].bytes.push(7))),
        ("writable", digest(|parts| parts.data[0].writable = false)),
        ("offset", digest(|parts| parts.code[3].imm = 2)),
    ] {
        assert_ne!(changed, base, "{what}");
    }
}

#[test]
fn the_digest_does_not_depend_on_names_of_functions_and_lines() {
    let line = Line {
        file: "a.c".into(),
        text: "".into(),
        line: 1,
        column: 1,
    };
    let changed = digest(|parts| {
        parts.functions[1].name = "renamed".into();
        parts.lines = LineTable::new(vec![(0, line)]);
    });
    assert_eq!(changed, digest(|_| ()));
}

#[test]
fn the_long_form_of_a_jump_is_no_other_image() {
    let jump = |raw| digest(|parts| parts.code[6] = raw);
    assert_eq!(jump(slot(0x05, 0, 0, 0, 0)), jump(slot(0x06, 0, 0, 0, 0)));
}

#[test]
fn a_program_has_instructions_and_not_too_many() {
    let error = refused(|parts| parts.code.clear());
    let max = limits::MAX_INSTRUCTIONS;
    let length = |slots| ImageError::Length { slots, max };
    assert_eq!((error.code(), error), (codes::IMAGE, length(0)));
    let error = refused(|parts| parts.code = vec![EXIT; max + 1]);
    assert_eq!((error.code(), error), (codes::LIMIT, length(max + 1)));
    let mut parts = good();
    parts.code.resize(limits::MAX_INSTRUCTIONS, EXIT);
    assert!(Image::new(parts).is_ok());
}

/// The same rules hold for other code, up to a length of its own.
#[test]
fn code_is_exchanged_under_the_same_rules() {
    let image = Image::new(good()).unwrap();
    let entry = || vec![function("entry", 0)];
    let with = |code, functions, max| image.with_code(code, functions, max);
    let same = with(image.code().to_vec(), image.functions().to_vec(), 8).unwrap();
    assert_eq!(same.digest(), image.digest());
    assert!(same.lines().is_empty());

    let long = vec![Insn::Exit; limits::MAX_INSTRUCTIONS + 1];
    let slots = long.len();
    assert!(with(long.clone(), entry(), slots).is_ok());
    assert_eq!(
        with(long, entry(), slots - 1),
        Err(ImageError::Length {
            slots,
            max: slots - 1
        })
    );
    assert!(with(vec![], entry(), 8).is_err());
    let jump = Insn::Jump { target: 2 };
    let outside = with(vec![jump, Insn::Exit], entry(), 8);
    assert!(matches!(outside, Err(ImageError::Jump { .. })));
    let map = Insn::Wide {
        dst: Reg::R1,
        value: Wide::Map(1),
    };
    let unknown = with(vec![map, Insn::WideTail, Insn::Exit], entry(), 8);
    assert!(matches!(unknown, Err(ImageError::Reference { slot: 0 })));

    // A branch reaches 32,767 slots beyond the next, a jump any distance.
    let far = |first, slots| {
        let mut code = vec![Insn::Exit; slots];
        code[0] = first;
        with(code, entry(), slots)
    };
    let branch = |target| Insn::Branch {
        width: Width::W64,
        cond: Cond::Eq,
        dst: Reg::R1,
        src: Operand::Imm(0),
        target,
    };
    assert!(far(branch(32_768), 40_000).is_ok());
    let beyond = far(branch(32_769), 40_000);
    assert_eq!(beyond, Err(ImageError::Inexpressible { slot: 0 }));
    assert!(far(Insn::Jump { target: 69_999 }, 70_000).is_ok());
}

#[test]
fn instructions_are_legal() {
    let error = refused(|parts| parts.code[6].src = 1);
    assert_eq!(error.code(), codes::INSTRUCTION);
    assert!(matches!(error, ImageError::Decode(_)), "{error:?}");
}

#[test]
fn functions_start_at_instructions_and_ascend() {
    for functions in [
        vec![],
        vec![function("entry", 1)],
        vec![function("entry", 0), function("middle", 1)],
        vec![function("entry", 0), function("end", 8)],
        vec![function("entry", 0), function("b", 6), function("c", 6)],
        vec![function("entry", 0), function("b", 6), function("c", 5)],
        vec![function("entry", 0), function("b", u32::MAX)],
    ] {
        let error = refused(|parts| parts.functions = functions);
        assert_eq!(error.code(), codes::IMAGE);
        assert!(matches!(error, ImageError::Function(_)), "{error:?}");
    }
}

#[test]
fn jumps_stay_within_their_function() {
    // Into the other function, before the program, behind it, into a wide load, into the next.
    for (slot_number, off, target) in [(5, 0, 6), (7, 0, 8), (6, -2, 5), (5, -5, 1), (5, 100, 106)]
    {
        let error = refused(|parts| parts.code[slot_number] = slot(0x05, 0, 0, off, 0));
        assert_eq!(
            error,
            ImageError::Jump {
                slot: slot_number as u32,
                target
            }
        );
        assert_eq!(error.code(), codes::IMAGE);
        // A branch goes on as well, so it may not stand last; here only its target counts.
        let error = refused(|parts| parts.code[slot_number] = slot(0x15, 0, 0, off, 0));
        assert!(matches!(error, ImageError::Jump { .. }), "{error:?}");
    }
}

#[test]
fn calls_lead_to_functions() {
    for (distance, target) in [(0, 5), (2, 7), (-5, 0)] {
        let mut parts = good();
        parts.code[4].imm = distance;
        let result = Image::new(parts);
        if target == 0 {
            assert!(result.is_ok(), "recursion is the verifier's to refuse");
        } else {
            let error = result.unwrap_err();
            assert_eq!(error, ImageError::Call { slot: 4, target });
            assert_eq!(error.code(), codes::IMAGE);
        }
    }
}

#[test]
fn no_function_runs_off_its_end() {
    for last in [5, 7] {
        let error = refused(|parts| parts.code[last] = slot(0xb7, 0, 0, 0, 0));
        assert_eq!(error, ImageError::FallsOff { slot: last as u32 });
        assert_eq!(error.code(), codes::IMAGE);
    }
    // A wide load ends it with its second half.
    let error = refused(|parts| {
        parts.code.truncate(6);
        parts
            .code
            .extend([slot(0x18, 1, 0, 0, 0), slot(0, 0, 0, 0, 0)]);
    });
    assert_eq!(error, ImageError::FallsOff { slot: 7 });
}

#[test]
fn references_have_a_target() {
    for (at, field) in [(0, 1), (0, -1), (2, 1), (3, 4), (3, -1)] {
        let error = refused(|parts| parts.code[at].imm = field);
        assert_eq!(
            error,
            ImageError::Reference {
                slot: if at == 0 { 0 } else { 2 }
            }
        );
        assert_eq!(error.code(), codes::IMAGE);
    }
}

#[test]
fn maps_keep_the_limits_of_the_platform() {
    let error = refused(|parts| {
        parts.maps = (0..17).map(|i| map(&format!("m{i}"))).collect();
    });
    assert_eq!(
        (error.code(), error),
        (codes::LIMIT, ImageError::MapCount(17))
    );
    let error = refused(|parts| parts.maps[0].max_entries = u32::MAX);
    assert_eq!(error.code(), codes::MAP_SHAPE);
    assert_eq!(
        error,
        ImageError::MapShape {
            name: "flows".into(),
            source: MapShapeError::MaxEntries(u32::MAX)
        }
    );
}

#[test]
fn data_keeps_the_limits_of_the_platform() {
    let error = refused(|parts| {
        parts.data = (0..33).map(|i| data(&format!(".data.{i}"), 4)).collect();
    });
    assert_eq!(
        (error.code(), error),
        (codes::LIMIT, ImageError::DataCount(33))
    );
    let error = refused(|parts| parts.data.push(data(".bss", limits::MAX_DATA)));
    let total = limits::MAX_DATA + 4;
    assert_eq!(
        (error.code(), error),
        (codes::LIMIT, ImageError::DataSize(total))
    );
}

#[test]
fn names_are_usable_and_of_one_thing() {
    let long = "x".repeat(limits::MAX_NAME + 1);
    for name in ["", "a b", "a\n", "é", "a/b", "$", &long] {
        for error in [
            refused(|parts| parts.maps[0].name = name.into()),
            refused(|parts| parts.data[0].name = name.into()),
        ] {
            assert_eq!(error, ImageError::Name(name.into()));
            assert_eq!(error.code(), codes::NAME);
        }
    }
    let long = "x".repeat(1025);
    for name in ["", "a b", "\x1b[2J", "é", &long] {
        let error = refused(|parts| parts.functions[1].name = name.into());
        assert_eq!(error, ImageError::Name(name.into()));
    }
    let error = refused(|parts| parts.maps.push(map("flows")));
    assert_eq!(error, ImageError::Name("flows".into()));
    let error = refused(|parts| parts.data.push(data(".data", 1)));
    assert_eq!(error, ImageError::Name(".data".into()));
}
