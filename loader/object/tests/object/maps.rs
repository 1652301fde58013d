//! Map definitions, in BTF and in the legacy form.

use bpf_object::{BtfProblem, Image, MapProblem, ObjectError, codes};
use platform_click::{MapKind, MapShapeError};

use crate::btf::Btf;
use crate::patch::*;

/// An object with one map, `table`, whose type information is replaced.
const ONE_MAP: &[u8] = include_bytes!("../fixtures/refused/map_kind.o");

fn with_btf(btf: &[u8]) -> Patch {
    let mut file = Patch::new(ONE_MAP);
    // Lines refer to strings that are gone.
    let name = file.section_field(".symtab", SH_NAME);
    file.replace_contents(".BTF", btf)
        .set_section(".BTF.ext", SH_NAME, name);
    file
}

/// An array of one entry whose members may be changed before they are written.
fn definition(change: impl FnOnce(&mut Btf, &mut Vec<(&'static str, u32)>)) -> Patch {
    let mut btf = Btf::new();
    let int = btf.int();
    let pointer = btf.pointer(int);
    let mut members = vec![
        ("type", btf.number(2)),
        ("max_entries", btf.number(1)),
        ("key", pointer),
        ("value", pointer),
    ];
    change(&mut btf, &mut members);
    let definition = btf.structure(&members);
    btf.maps(&[("table", definition)]);
    with_btf(&btf.finish())
}

/// An array whose value is of the type that `make` makes.
fn value(make: impl FnOnce(&mut Btf) -> u32) -> Patch {
    definition(|btf, members| {
        let made = make(btf);
        members[3].1 = btf.pointer(made);
    })
}

fn only_image(file: &Patch) -> Image {
    link_all(&file.0).unwrap().remove(0)
}

#[test]
fn the_definition_that_is_changed_here_is_good() {
    let image = only_image(&definition(|_, _| ()));
    let [map] = image.maps() else {
        panic!("{:?}", image.maps());
    };
    assert_eq!(
        (
            map.name.as_str(),
            map.kind,
            map.key_size,
            map.value_size,
            map.max_entries
        ),
        ("table", MapKind::Array, 4, 4, 1)
    );
}

#[test]
fn values_have_the_size_of_their_type() {
    type Make = fn(&mut Btf) -> u32;
    let cases: [(&str, u32, Make); 14] = [
        ("int", 4, |btf| btf.int()),
        ("pointer", 8, |btf| btf.pointer(0)),
        ("array", 12, |btf| {
            let int = btf.int();
            btf.array(int, 3)
        }),
        ("array of arrays", 24, |btf| {
            let int = btf.int();
            let row = btf.array(int, 3);
            btf.array(row, 2)
        }),
        ("struct", 20, |btf| btf.add(0, 4, 0, 20, &[])),
        ("union", 12, |btf| btf.add(0, 5, 1, 12, &[0, 1, 0])),
        ("enum", 4, |btf| btf.add(0, 6, 2, 4, &[0, 0, 0, 1])),
        ("enum64", 8, |btf| btf.add(0, 19, 1, 8, &[0, 0, 1])),
        ("float", 8, |btf| btf.add(0, 16, 0, 8, &[])),
        ("typedef", 4, |btf| {
            let int = btf.int();
            btf.add(0, 8, 0, int, &[])
        }),
        ("volatile", 4, |btf| {
            let int = btf.int();
            btf.add(0, 9, 0, int, &[])
        }),
        ("const", 4, |btf| {
            let int = btf.int();
            btf.add(0, 10, 0, int, &[])
        }),
        ("restrict", 8, |btf| {
            let pointer = btf.pointer(0);
            btf.add(0, 11, 0, pointer, &[])
        }),
        ("type tag", 4, |btf| {
            let int = btf.int();
            btf.add(0, 18, 0, int, &[])
        }),
    ];
    for (name, size, make) in cases {
        let image = only_image(&value(make));
        assert_eq!(image.maps()[0].value_size, size, "{name}");
    }
}

#[test]
fn kinds_that_no_map_needs_are_stepped_over() {
    let file = definition(|btf, _| {
        // FWD, FUNC, FUNC_PROTO with two parameters, DECL_TAG, DATASEC of another section.
        btf.add(0, 7, 0, 0, &[]);
        btf.add(0, 12, 1, 0, &[]);
        btf.add(0, 13, 2, 0, &[0, 1, 0, 1]);
        btf.add(0, 17, 0, 1, &[0]);
        let name = btf.string(".rodata");
        btf.add(name, 15, 1, 4, &[0xffff, 0, 4]);
    });
    assert_eq!(only_image(&file).maps().len(), 1);
}

#[test]
fn a_kind_of_unknown_length_is_refused() {
    for kind in [0, 20, 31] {
        let file = value(|btf| btf.add(0, kind, 0, 0, &[]));
        assert_refused!(
            file,
            codes::BTF,
            ObjectError::Btf(BtfProblem::Kind { kind: found, .. }) if *found == kind
        );
    }
}

#[test]
fn types_without_size_are_refused() {
    type Make = fn(&mut Btf) -> u32;
    let cases: [(&str, Make); 5] = [
        ("void", |_| 0),
        ("forward declaration", |btf| btf.add(0, 7, 0, 0, &[])),
        ("function", |btf| btf.add(0, 12, 0, 0, &[])),
        ("overflow of one product", |btf| {
            let large = btf.add(0, 4, 0, 1 << 31, &[]);
            btf.array(large, 2)
        }),
        ("overflow of counts", |btf| {
            let int = btf.int();
            let row = btf.array(int, 1 << 31);
            btf.array(row, 2)
        }),
    ];
    for (name, make) in cases {
        let error = link_all(&value(make).0).expect_err(name);
        assert!(
            matches!(
                error,
                ObjectError::Map {
                    problem: MapProblem::Btf(BtfProblem::Size(_)),
                    ..
                }
            ),
            "{name}: {error:?}"
        );
    }
    assert_refused!(
        include_bytes!("../fixtures/refused/map_value_without_size.o"),
        codes::BTF,
        ObjectError::Map {
            problem: MapProblem::Btf(BtfProblem::Size(_)),
            ..
        }
    );
}

#[test]
fn types_in_circles_and_deep_ones_are_refused() {
    type Make = fn(&mut Btf) -> u32;
    let cases: [(&str, Make); 4] = [
        ("a typedef of itself", |btf| {
            let own = btf.int() + 1;
            btf.add(0, 8, 0, own, &[])
        }),
        ("an array of itself", |btf| {
            let own = btf.int() + 1;
            btf.array(own, 1)
        }),
        ("33 typedefs", |btf| {
            let int = btf.int();
            (0..33).fold(int, |of, _| btf.add(0, 8, 0, of, &[]))
        }),
        ("33 arrays", |btf| {
            let int = btf.int();
            (0..33).fold(int, |of, _| btf.array(of, 1))
        }),
    ];
    for (name, make) in cases {
        let error = link_all(&value(make).0).expect_err(name);
        assert!(
            matches!(
                error,
                ObjectError::Map {
                    problem: MapProblem::Btf(BtfProblem::Depth(_)),
                    ..
                }
            ),
            "{name}: {error:?}"
        );
        assert_eq!(error.code(), codes::BTF);
    }
    let deep = value(|btf| {
        let int = btf.int();
        (0..31).fold(int, |of, _| btf.add(0, 8, 0, of, &[]))
    });
    assert_eq!(only_image(&deep).maps()[0].value_size, 4);
}

#[test]
fn types_that_do_not_exist_are_refused() {
    for id in [1000, u32::MAX] {
        let file = value(|_| id);
        assert_refused!(
            file,
            codes::BTF,
            ObjectError::Map { problem: MapProblem::Btf(BtfProblem::NoType(found)), .. }
                if *found == id
        );
    }
    // A section whose variable is no variable.
    let mut btf = Btf::new();
    let int = btf.int();
    let name = btf.string(".maps");
    btf.add(name, 15, 1, 0, &[int, 0, 0]);
    assert_refused!(
        with_btf(&btf.finish()),
        codes::BTF,
        ObjectError::Btf(BtfProblem::NoType(1))
    );
}

#[test]
fn every_variable_is_a_map_and_every_map_a_variable() {
    let mut btf = Btf::new();
    let definition = btf.structure(&[]);
    btf.maps(&[("other", definition)]);
    assert_refused!(
        with_btf(&btf.finish()),
        codes::MAP_DEFINITION,
        ObjectError::Map { name, problem: MapProblem::NoBtf } if name == "table"
    );
    assert_refused!(
        include_bytes!("../fixtures/refused/map_without_btf.o"),
        codes::MAP_DEFINITION,
        ObjectError::Map {
            problem: MapProblem::NoBtf,
            ..
        }
    );
    let file = definition_with_second("phantom");
    assert_refused!(
        file,
        codes::MAP_DEFINITION,
        ObjectError::Map { name, problem: MapProblem::NoSymbol } if name == "phantom"
    );
    // Twice the same name: which one is it?
    let file = definition_with_second("table");
    assert_refused!(
        file,
        codes::AMBIGUOUS,
        ObjectError::Map { name, problem: MapProblem::Overlap } if name == "table"
    );
}

fn definition_with_second(name: &str) -> Patch {
    let mut btf = Btf::new();
    let int = btf.int();
    let pointer = btf.pointer(int);
    let (kind, entries) = (btf.number(2), btf.number(1));
    let members = [
        ("type", kind),
        ("max_entries", entries),
        ("key", pointer),
        ("value", pointer),
    ];
    let definition = btf.structure(&members);
    btf.maps(&[("table", definition), (name, definition)]);
    with_btf(&btf.finish())
}

#[test]
fn maps_that_overlap_are_refused() {
    for (value, size) in [(0, 32), (0x1f, 1), (0, 0)] {
        let mut file = Patch::new(TWO_PROGRAMS);
        file.set_symbol("flows", ST_VALUE, value)
            .set_symbol("flows", ST_SIZE, size);
        assert_refused!(
            file,
            codes::AMBIGUOUS,
            ObjectError::Map {
                problem: MapProblem::Overlap,
                ..
            }
        );
    }
}

#[test]
fn a_definition_is_a_structure_of_pointers() {
    assert_refused!(
        include_bytes!("../fixtures/refused/map_of_int.o"),
        codes::MAP_DEFINITION,
        ObjectError::Map {
            problem: MapProblem::NotStruct,
            ..
        }
    );
    // A number that is no pointer, a pointer to no array, a type that is no pointer.
    for (member, to_pointer) in [(0, false), (0, true), (2, false)] {
        let file = definition(|btf, members| {
            let int = btf.int();
            members[member].1 = if to_pointer { btf.pointer(int) } else { int };
        });
        assert_refused!(
            file,
            codes::MAP_DEFINITION,
            ObjectError::Map { problem: MapProblem::Form(name), .. }
                if name == ["type", "", "key"][member]
        );
    }
}

#[test]
fn a_member_is_known_there_once_and_not_missing() {
    for (file, want) in [
        (
            &include_bytes!("../fixtures/refused/pinned_map.o")[..],
            MapProblem::Unsupported("pinning".into()),
        ),
        (
            include_bytes!("../fixtures/refused/inner_map.o"),
            MapProblem::Unsupported("values".into()),
        ),
        (
            include_bytes!("../fixtures/refused/map_contradiction.o"),
            MapProblem::Twice("key_size"),
        ),
        (
            include_bytes!("../fixtures/refused/map_without_entries.o"),
            MapProblem::Missing("max_entries"),
        ),
        (
            include_bytes!("../fixtures/refused/map_without_value.o"),
            MapProblem::Missing("value"),
        ),
        (
            include_bytes!("../fixtures/refused/map_flags.o"),
            MapProblem::Flags {
                kind: MapKind::Array,
                needed: 0,
                value: 1,
            },
        ),
    ] {
        assert_refused!(
            file,
            codes::MAP_DEFINITION,
            ObjectError::Map { name, problem } if name == "table" && *problem == want
        );
    }
    let file = definition(|btf, members| {
        let other = btf.number(1);
        members.push(("type", other));
    });
    assert_refused!(
        file,
        codes::MAP_DEFINITION,
        ObjectError::Map {
            problem: MapProblem::Twice("type"),
            ..
        }
    );
    // Twice in agreement, and flags that are zero, say nothing new.
    let file = definition(|btf, members| {
        let (size, zero) = (btf.number(4), btf.number(0));
        members.extend([("key_size", size), ("map_flags", zero)]);
    });
    assert_eq!(only_image(&file).maps().len(), 1);
}

#[test]
fn a_kind_that_the_platform_does_not_have_is_named_by_its_number() {
    assert_refused!(
        ONE_MAP,
        codes::MAP_KIND,
        ObjectError::Map {
            problem: MapProblem::Kind(3),
            ..
        }
    );
    for kind in [0, 3, 26, 28, u32::MAX] {
        let file = definition(|btf, members| members[0].1 = btf.number(kind));
        assert_refused!(
            file,
            codes::MAP_KIND,
            ObjectError::Map { problem: MapProblem::Kind(found), .. } if *found == kind
        );
    }
}

/// An array of one entry, made into a map of another kind.
fn kind(number: u32, change: impl FnOnce(&mut Btf, &mut Vec<(&'static str, u32)>)) -> Patch {
    definition(|btf, members| {
        members[0].1 = btf.number(number);
        change(btf, members);
    })
}

#[test]
fn every_kind_has_its_shape() {
    let shape = |file: &Patch| {
        let image = only_image(file);
        let map = &image.maps()[0];
        (map.kind, map.key_size, map.value_size, map.max_entries)
    };
    for (number, kind_of) in [
        (1, MapKind::Hash),
        (5, MapKind::PercpuHash),
        (6, MapKind::PercpuArray),
        (9, MapKind::LruHash),
    ] {
        assert_eq!(shape(&kind(number, |_, _| ())), (kind_of, 4, 4, 1));
    }
    let trie = kind(11, |btf, members| {
        members[2] = ("key_size", btf.number(8));
        members.push(("map_flags", btf.number(1)));
    });
    assert_eq!(shape(&trie), (MapKind::LpmTrie, 8, 4, 1));
    // Keys that there are not need no mention, and may have one.
    for (number, kind_of) in [(22, MapKind::Queue), (23, MapKind::Stack)] {
        let without = kind(number, |_, members| {
            members.remove(2);
        });
        assert_eq!(shape(&without), (kind_of, 0, 4, 1));
        let with = kind(number, |btf, members| {
            members[2] = ("key_size", btf.number(0));
        });
        assert_eq!(shape(&with), (kind_of, 0, 4, 1));
    }
    let ring = kind(27, |btf, members| {
        members.truncate(2);
        members[1].1 = btf.number(4096);
    });
    assert_eq!(shape(&ring), (MapKind::RingBuffer, 0, 0, 4096));
}

#[test]
fn no_kind_has_the_shape_of_another() {
    let key = |size, least, greatest| MapShapeError::KeySize {
        size,
        least,
        greatest,
    };
    for (file, want) in [
        (kind(22, |_, _| ()), key(4, 0, 0)),
        (
            kind(11, |btf, members| {
                members.push(("map_flags", btf.number(1)));
            }),
            key(4, 5, 260),
        ),
        (
            kind(27, |_, members| members.truncate(2)),
            MapShapeError::RingSize(1),
        ),
    ] {
        assert_refused!(
            file,
            codes::MAP_SHAPE,
            ObjectError::Map { problem: MapProblem::Shape(found), .. } if *found == want
        );
    }
}

/// Linux refuses a trie without `BPF_F_NO_PREALLOC`; here no other kind has a flag.
#[test]
fn flags_are_those_of_the_kind() {
    for (number, needed, value) in [
        (11, 1, None),
        (11, 1, Some(0)),
        (11, 1, Some(3)),
        (1, 0, Some(1)),
        (9, 0, Some(2)),
        (27, 0, Some(1)),
    ] {
        let file = kind(number, |btf, members| {
            members.extend(value.map(|value| ("map_flags", btf.number(value))));
        });
        assert_refused!(
            file,
            codes::MAP_DEFINITION,
            ObjectError::Map { problem: MapProblem::Flags { needed: n, value: v, .. }, .. }
                if (*n, *v) == (needed, value.unwrap_or(0))
        );
    }
}

#[test]
fn a_shape_out_of_bounds_is_refused_before_anything_is_allocated() {
    assert_refused!(
        include_bytes!("../fixtures/refused/map_shape.o"),
        codes::MAP_SHAPE,
        ObjectError::Map {
            problem: MapProblem::Shape(MapShapeError::MaxEntries(0x7fff_ffff)),
            ..
        }
    );
    for (member, number, want) in [
        (1, 0, MapShapeError::MaxEntries(0)),
        (1, u32::MAX, MapShapeError::MaxEntries(u32::MAX)),
    ] {
        let file = definition(|btf, members| members[member].1 = btf.number(number));
        assert_refused!(
            file,
            codes::MAP_SHAPE,
            ObjectError::Map { problem: MapProblem::Shape(found), .. } if *found == want
        );
    }
    let file = value(|btf| btf.add(0, 4, 0, u32::MAX, &[]));
    assert_refused!(
        file,
        codes::MAP_SHAPE,
        ObjectError::Map {
            problem: MapProblem::Shape(MapShapeError::ValueSize {
                size: u32::MAX,
                least: 1,
                greatest: 65_536,
            }),
            ..
        }
    );
}

#[test]
fn seventeen_maps_are_refused() {
    assert_refused!(
        include_bytes!("../fixtures/refused/seventeen_maps.o"),
        codes::LIMIT,
        ObjectError::TooManyMaps(17)
    );
}

#[test]
fn the_name_of_a_map_fits_into_a_statement() {
    let file = Patch::new(LEGACY_MAPS)
        .text(".strtab", "\0hosts\0", "\0ho$ts\0")
        .clone();
    assert_refused!(
        file,
        codes::NAME,
        ObjectError::Map { name, problem: MapProblem::Name } if name == "ho$ts"
    );
}

#[test]
fn legacy_definitions_have_five_or_seven_numbers() {
    let image = link(LEGACY_MAPS, "main");
    let maps: Vec<_> = image
        .maps()
        .iter()
        .map(|map| {
            (
                map.name.as_str(),
                map.kind,
                map.key_size,
                map.value_size,
                map.max_entries,
            )
        })
        .collect();
    assert_eq!(
        maps,
        [
            ("totals", MapKind::Array, 4, 8, 2),
            ("hosts", MapKind::Hash, 4, 8, 16),
        ]
    );
    assert_refused!(
        include_bytes!("../fixtures/refused/legacy_map_size.o"),
        codes::MAP_DEFINITION,
        ObjectError::Map {
            problem: MapProblem::Size(16),
            ..
        }
    );
    assert_refused!(
        include_bytes!("../fixtures/refused/legacy_pinned_map.o"),
        codes::MAP_DEFINITION,
        ObjectError::Map {
            problem: MapProblem::Value {
                member: "pinning",
                value: 1
            },
            ..
        }
    );
}

#[test]
fn legacy_definitions_are_checked_like_others() {
    // `hosts` is the first definition, of five numbers.
    for (number, value, code) in [
        (0, 3, codes::MAP_KIND),
        (1, 0, codes::MAP_SHAPE),
        (2, 0, codes::MAP_SHAPE),
        (3, u32::MAX, codes::MAP_SHAPE),
        (4, 1, codes::MAP_DEFINITION),
    ] {
        let file = Patch::new(LEGACY_MAPS)
            .word("maps", 4 * number, value)
            .clone();
        assert_refused!(file, code, ObjectError::Map { name, .. } if name == "hosts");
    }
}

#[test]
fn initial_values_of_maps_are_refused() {
    // What relocates other data relocates the maps.
    let mut file = Patch::new(TWO_PROGRAMS);
    let maps = file.section(".maps") as u64;
    file.set_section(".rel.debug_line", SH_INFO, maps);
    assert_refused!(
        file,
        codes::MAP_DEFINITION,
        ObjectError::Map {
            problem: MapProblem::Relocated,
            ..
        }
    );
}

#[test]
fn a_header_of_type_information_is_as_it_must_be() {
    // Magic number, version, flags, length of the header.
    for (offset, value) in [
        (0, 0),
        (0, 0x9feb),
        (2, 2),
        (3, 1),
        (4, 0),
        (4, 23),
        (4, 0xff),
    ] {
        let file = Patch::new(ONE_MAP)
            .byte(".BTF", offset, value as u8)
            .clone();
        if offset == 4 && value == 0xff {
            assert!(link_all(&file.0).is_err());
            continue;
        }
        assert_refused!(
            file,
            codes::BTF,
            ObjectError::Btf(BtfProblem::Header(".BTF"))
        );
    }
    // Offsets and lengths of types and strings.
    for field in [8, 12, 16, 20] {
        for value in [u32::MAX, 0x7fff_ffff, 0x1_0000] {
            let file = Patch::new(ONE_MAP).word(".BTF", field, value).clone();
            assert_refused!(file, codes::BTF, ObjectError::Btf(BtfProblem::Bounds(_)));
        }
    }
    let file = with_btf(&[]);
    assert_refused!(
        file,
        codes::BTF,
        ObjectError::Btf(BtfProblem::Bounds(".BTF"))
    );
}

#[test]
fn names_in_type_information_are_strings() {
    for name in [0xffff_ffff, 0x1_0000] {
        let mut btf = Btf::new();
        btf.add(name, 15, 0, 0, &[]);
        assert_refused!(
            with_btf(&btf.finish()),
            codes::BTF,
            ObjectError::Btf(BtfProblem::String(found)) if *found == name
        );
    }
}
