//! Objects that clang compiled, from the file to the image.

use bpf_object::{Image, Insn, Wide};
use platform_click::{Digest, MapKind, ProgramKind};

use crate::patch::*;

fn function_names(image: &Image) -> Vec<&str> {
    let functions = image.functions().iter();
    functions.map(|function| function.name.as_str()).collect()
}

#[test]
fn programs_have_the_name_of_their_function_and_the_kind_of_their_section() {
    let object = parse(TWO_PROGRAMS).unwrap();
    let programs: Vec<_> = object
        .programs()
        .iter()
        .map(|program| (program.name(), program.kind(), program.section()))
        .collect();
    assert_eq!(
        programs,
        [
            ("count", ProgramKind::Filter, "filter"),
            ("sort", ProgramKind::Classifier, "classifier/sort"),
        ]
    );
    assert_eq!(object.digest(), Digest::of(TWO_PROGRAMS));
}

#[test]
fn functions_follow_breadth_first_and_what_is_not_reached_is_dropped() {
    assert_eq!(
        function_names(&link(TWO_PROGRAMS, "count")),
        ["count", "global_function", "local_function"]
    );
    assert_eq!(
        function_names(&link(TWO_PROGRAMS, "sort")),
        ["sort", "local_function"]
    );
}

#[test]
fn calls_lead_to_the_functions_that_they_name() {
    let image = link(TWO_PROGRAMS, "count");
    let start = |name| {
        let mut functions = image.functions().iter();
        functions
            .find(|function| function.name == name)
            .unwrap()
            .start
    };
    let calls: Vec<u32> = image
        .code()
        .iter()
        .filter_map(|insn| match insn {
            Insn::CallLocal { target } => Some(*target),
            _ => None,
        })
        .collect();
    assert_eq!(
        calls,
        [
            start("global_function"),
            start("local_function"),
            start("local_function")
        ]
    );
}

#[test]
fn maps_and_data_are_numbered_by_first_reference() {
    let image = link(TWO_PROGRAMS, "count");
    let maps: Vec<_> = image
        .maps()
        .iter()
        .map(|map| {
            let shape = (map.key_size, map.value_size, map.max_entries);
            (map.name.as_str(), map.kind, shape)
        })
        .collect();
    assert_eq!(
        maps,
        [
            ("counts", MapKind::Array, (4, 8, 4)),
            ("flows", MapKind::Hash, (8, 8, 128)),
        ]
    );
    let mut next = 0;
    for insn in image.code() {
        if let Insn::Wide {
            value: Wide::Data { section, .. },
            ..
        } = insn
        {
            assert!(*section <= next);
            next = next.max(section + 1);
        }
    }
    assert_eq!(image.data().len() as u32, next);
}

#[test]
fn data_has_its_contents_and_only_rodata_is_read_only() {
    let image = link(TWO_PROGRAMS, "sort");
    for section in image.data() {
        let (writable, contents): (bool, &[u8]) = match section.name.as_str() {
            ".bss" => (true, &[0; 4]),
            ".data" => (true, &[5, 0, 0, 0, 0, 0, 0, 0]),
            ".rodata.cst16" => (false, &[1, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 8, 0, 0, 0]),
            ".rodata.str1.1" => (false, b"hello, world 12\0"),
            other => panic!("{other}"),
        };
        assert_eq!(section.writable, writable, "{}", section.name);
        assert_eq!(section.bytes, contents, "{}", section.name);
    }
    assert_eq!(image.data().len(), 4);
}

#[test]
fn lines_follow_the_functions_into_the_image() {
    let image = link(TWO_PROGRAMS, "count");
    let line = |name: &str| {
        let mut functions = image.functions().iter();
        let function = functions.find(|function| function.name == name).unwrap();
        image.lines().get(function.start).unwrap()
    };
    assert_eq!(&*line("count").text, "int count(struct click_ctx *ctx)");
    // Of two lines for one slot the last wins, as in a debugger.
    assert_eq!(&*line("local_function").text, "\tcalls += x;");
    assert_eq!(&*line("global_function").file, "./two_programs.c");
}

#[test]
fn linking_twice_gives_the_same_image() {
    for program in ["count", "sort"] {
        assert_eq!(link(TWO_PROGRAMS, program), link(TWO_PROGRAMS, program));
    }
}
