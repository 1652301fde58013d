//! `shim/click_platform.hpp` is what the platform table says. `INSTA_UPDATE=always` renews it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use core::fmt::Write as _;
use std::fs;
use std::path::Path;

use platform_click::{
    Access, Arg, ArgKind, CONTEXT, CONTEXT_SIZE, HelperId, HelperSpec, MapKind, PROFILE,
    ProgramKind, ReturnKind,
};

#[test]
fn the_header_is_the_platform_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("shim/click_platform.hpp");
    let expected = header();
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&path, &expected).unwrap();
    }
    assert_eq!(
        fs::read_to_string(path).unwrap_or_default(),
        expected,
        "INSTA_UPDATE=always cargo test -p prevail-cpp renews it"
    );
}

fn header() -> String {
    let mut text = BEGIN.to_owned();
    let line = |text: &mut String, name: &str, value: &dyn core::fmt::Display| {
        writeln!(text, "inline constexpr {name} = {value};").unwrap();
    };
    line(&mut text, "bool STRICT", &PROFILE.strict);
    line(
        &mut text,
        "bool ALLOW_DIVISION_BY_ZERO",
        &PROFILE.allow_division_by_zero,
    );
    line(
        &mut text,
        "bool CHECK_TERMINATION",
        &PROFILE.check_termination,
    );
    line(&mut text, "bool MUST_HAVE_EXIT", &PROFILE.must_have_exit);
    line(&mut text, "int STACK_FRAME_SIZE", &PROFILE.stack_frame_size);
    line(&mut text, "int MAX_CALL_FRAMES", &PROFILE.max_call_frames);
    line(&mut text, "int MAX_PACKET_SIZE", &PROFILE.max_packet_size);
    let offset = |access| {
        CONTEXT
            .iter()
            .find(|field| field.access == access)
            .unwrap()
            .offset
    };
    let (start, end) = (offset(Access::PacketStart), offset(Access::PacketEnd));
    writeln!(
        text,
        "\n// Size, packet, its end, metadata (none).\n\
         inline constexpr ebpf_ctx_descriptor_t CONTEXT = {{{CONTEXT_SIZE}, {start}, {end}, -1}};\n\n\
         inline constexpr MapRow MAPS[] = {{"
    )
    .unwrap();
    for kind in MapKind::ALL {
        let array = matches!(kind, MapKind::Array | MapKind::PercpuArray);
        writeln!(
            text,
            "    {{{}, \"{}\", {array}}},",
            kind.number(),
            kind.name()
        )
        .unwrap();
    }
    text.push_str("};\n\ninline constexpr HelperRow HELPERS[] = {\n");
    for helper in HelperId::ALL {
        text.push_str(&row(&helper.spec()));
    }
    text.push_str("};\n\n} // namespace click\n");
    text
}

fn row(spec: &HelperSpec) -> String {
    let kinds = ProgramKind::ALL
        .iter()
        .filter(|kind| spec.kinds.contains(**kind));
    let kinds = kinds.fold(0_u64, |bits, kind| bits | 1 << kind.number());
    let writes = spec
        .args
        .last()
        .is_some_and(|arg| arg.kind == ArgKind::MapValueOut);
    let size = writes.then_some("EBPF_ARGUMENT_TYPE_CONST_SIZE");
    let named = spec.args.iter().map(argument).chain(size);
    let padded = named.chain(core::iter::repeat("EBPF_ARGUMENT_TYPE_DONTCARE"));
    let arguments: Vec<&str> = padded.take(5).collect();
    let size_register = if writes {
        spec.args.len().strict_add(1)
    } else {
        0
    };
    let uses = spec.args.iter().filter_map(|arg| arg.kind.map_use());
    let maps = uses.flat_map(|usage| {
        MapKind::ALL
            .iter()
            .filter(move |kind| kind.usage() == usage)
    });
    let maps = maps.fold(0_u64, |bits, kind| bits | 1 << kind.number());
    let returns = match spec.ret {
        ReturnKind::Integer => "EBPF_RETURN_TYPE_INTEGER",
        ReturnKind::MapValueOrNull => "EBPF_RETURN_TYPE_PTR_TO_MAP_VALUE_OR_NULL",
    };
    format!(
        "    {{{}, \"{}\", {kinds:#x}, {returns},\n     {{{}}},\n     {}, {maps:#x}, {size_register}}},\n",
        spec.id,
        spec.name,
        arguments.join(", "),
        spec.reallocates_packet,
    )
}

fn argument(arg: &Arg) -> &'static str {
    match arg.kind {
        ArgKind::Map | ArgKind::Queue | ArgKind::RingBuffer => "EBPF_ARGUMENT_TYPE_PTR_TO_MAP",
        ArgKind::MapKey => "EBPF_ARGUMENT_TYPE_PTR_TO_MAP_KEY",
        ArgKind::MapValue => "EBPF_ARGUMENT_TYPE_PTR_TO_MAP_VALUE",
        ArgKind::MapValueOut => "EBPF_ARGUMENT_TYPE_PTR_TO_WRITABLE_MEM",
        ArgKind::ReadableMemory => "EBPF_ARGUMENT_TYPE_PTR_TO_READABLE_MEM",
        ArgKind::OptionalMemory => "EBPF_ARGUMENT_TYPE_PTR_TO_READABLE_MEM_OR_NULL",
        ArgKind::MemorySize => "EBPF_ARGUMENT_TYPE_CONST_SIZE",
        ArgKind::MemorySizeOrZero => "EBPF_ARGUMENT_TYPE_CONST_SIZE_OR_ZERO",
        ArgKind::Scalar => "EBPF_ARGUMENT_TYPE_ANYTHING",
        ArgKind::Printed => "EBPF_ARGUMENT_TYPE_DONTCARE",
    }
}

const BEGIN: &str = "\
// The Click platform for PREVAIL, generated from platform-click by tests/platform.rs.
#pragma once

#include <cstdint>

#include <prevail/spec/ebpf_base.h>

namespace click {

struct MapRow {
    std::uint32_t number;
    const char *name;
    bool is_array;
};

struct HelperRow {
    std::int32_t number;
    const char *name;
    // Bit n: programs of the kind with the number n may call it.
    std::uint64_t kinds;
    ebpf_return_type_t returns;
    ebpf_argument_type_t arguments[5];
    bool reallocates_packet;
    // Bit n: it takes maps of the kind with the number n; 0 where no argument is a map.
    std::uint64_t map_types;
    // Where the size of what it writes is put; 0 if it writes nothing.
    std::uint8_t size_register;
};

";
