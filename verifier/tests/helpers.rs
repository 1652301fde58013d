//! Every helper and every kind of map: right use is accepted by both engines, each wrong use refused
//! before anything is signed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

use bpf_object::Image;
use bpf_programs::{assemble, read};
use bpf_verifier::engines::{self, Opinion};
use platform_click::{ArgKind, HelperId, MapKind};

/// One map of each kind, by index, a queue of smaller values, and data: writable, and two texts.
const HEAD: &str = ".kind rewriter
.map hash hash 4 16 8
.map array array 4 16 8
.map percpu_hash percpu-hash 4 16 8
.map percpu_array percpu-array 4 16 8
.map lru lru-hash 4 16 8
.map trie lpm-trie 8 16 8
.map queue queue 0 16 8
.map stack stack 0 16 8
.map ring ring-buffer 0 0 4096
.map small queue 0 8 8
.data .data 0000000000000000000000000000000000000000
.data .rodata.str1.1 68690a00
.data .rodata 256420256c6c7500
";

const HASH: u32 = 0;
const ARRAY: u32 = 1;
const TRIE: u32 = 5;
const QUEUE: u32 = 6;
const STACK: u32 = 7;
const RING: u32 = 8;
const SMALL: u32 = 9;

fn image(text: &str) -> Image {
    Image::new(read(&format!("{HEAD}{text}"))).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Both engines, and all that goes with them, accept it.
fn accepted(text: &str) {
    let image = image(text);
    assert_eq!(engines::prevail(&image), Opinion::Accepts, "{text}");
    assert_eq!(engines::checker(&image), Opinion::Accepts, "{text}");
    assert_eq!(engines::together(&image), Opinion::Accepts, "{text}");
}

/// The checker refuses it at the mark, and PREVAIL or the own checks do.
fn refused(text: &str) {
    let image = image(text);
    let marked = assemble(text).marked.expect("a mark");
    let at_mark =
        |opinion: &Opinion| matches!(opinion, Opinion::Refuses { slot, .. } if *slot == marked);
    let checker = engines::checker(&image);
    assert!(at_mark(&checker), "{checker:?}\n{text}");
    let together = engines::together(&image);
    assert!(at_mark(&together), "{together:?}\n{text}");
}

/// The checker alone refuses it: nothing is signed, and the verdict is that the engines disagree.
fn refused_by_one(text: &str) {
    let image = image(text);
    let checker = engines::checker(&image);
    assert!(
        matches!(checker, Opinion::Refuses { .. }),
        "{checker:?}\n{text}"
    );
    let together = engines::together(&image);
    assert!(
        matches!(together, Opinion::Undecided(_)),
        "{together:?}\n{text}"
    );
}

/// A key of 4 zeros at -4 and a value of 16 at -24, `r6` the context.
const SETUP: &str = "r6 = r1; *(u32*)(r10 - 4) = 0; *(u64*)(r10 - 16) = 0; *(u64*)(r10 - 24) = 0\n";

const END: &str = "; r0 = 0; exit";

fn call(arguments: &str, id: u32) -> String {
    format!("{SETUP}{arguments}; call {id}{END}")
}

fn wrong(arguments: &str, id: u32) -> String {
    format!("{SETUP}{arguments}; !call {id}{END}")
}

fn keyed(map: u32, id: u32) -> String {
    let arguments = format!("r1 = map {map}; r2 = r10; r2 += -4; r3 = r10; r3 += -24; r4 = 0");
    match map {
        // A length of 0 bits and 4 bytes of data.
        TRIE => call(&arguments.replace("r2 += -4", "r2 += -16"), id),
        _ => call(&arguments, id),
    }
}

/// Each helper is used by a program that is accepted.
#[test]
fn every_helper_has_a_right_use() {
    for helper in HelperId::ALL {
        let text = match helper {
            HelperId::MapLookupElem => keyed(HASH, 1),
            HelperId::MapUpdateElem => keyed(HASH, 2),
            HelperId::MapDeleteElem => keyed(HASH, 3),
            HelperId::TracePrintk => call("r1 = data 1 + 0; r2 = 4", 6),
            HelperId::CsumDiff => call("r1 = 0; r2 = 0; r3 = r10; r3 += -24; r4 = 16; r5 = 0", 28),
            HelperId::PacketAddSpace => call("r1 = 0; r2 = 0", 60),
            HelperId::MapPushElem => call(
                &format!("r1 = map {QUEUE}; r2 = r10; r2 += -24; r3 = 0"),
                87,
            ),
            HelperId::MapPopElem | HelperId::MapPeekElem => call(
                &format!("r1 = map {QUEUE}; r2 = r10; r2 += -24"),
                helper.spec().id,
            ),
            HelperId::RingbufOutput => call(
                &format!("r1 = map {RING}; r2 = r10; r2 += -24; r3 = 16; r4 = 0"),
                130,
            ),
            HelperId::KtimeGetNs
            | HelperId::GetPrandomU32
            | HelperId::GetSmpProcessorId
            | HelperId::KtimeGetBootNs
            | HelperId::KtimeGetTaiNs => call("r1 = 0", helper.spec().id),
        };
        accepted(&text);
    }
}

/// Compilers keep a constant in a register and store it again as the key of the next lookup, where PREVAIL
/// loses it. There is no loop, but in the form of an unwound program it understands this, too.
#[test]
fn a_key_may_be_stored_again_from_a_register() {
    let lookup = "*(u32*)(r10 - 4) = r7; r1 = map 1; r2 = r10; r2 += -4; call 1; if r0 == 0 goto out; \
                  r8 = *(u64*)(r0 + 0)\n";
    let image = image(&format!("r7 = 0; {lookup}{lookup}out: r0 = 0; exit"));
    assert!(matches!(engines::prevail(&image), Opinion::Refuses { .. }));
    assert_eq!(engines::checker(&image), Opinion::Accepts);
    assert_eq!(engines::together(&image), Opinion::Accepts);
}

/// What takes keys takes every map that has them, and nothing else does.
#[test]
fn helpers_take_the_maps_that_have_what_they_ask_for() {
    for (map, kind) in (0..).zip(MapKind::ALL) {
        for helper in HelperId::ALL {
            let spec = helper.spec();
            let Some(wanted) = spec.args.first().and_then(|arg| arg.kind.map_use()) else {
                continue;
            };
            // A key at -4, or a prefix, a record, a value or memory for one at -24.
            let at = match (spec.args[1].kind, map) {
                (ArgKind::MapKey, map) if map != TRIE => -4,
                _ => -24,
            };
            let arguments =
                format!("r1 = map {map}; r2 = r10; r2 += {at}; r3 = r10; r3 += -24; r4 = 0");
            let arguments = match helper {
                HelperId::RingbufOutput => arguments + "; r3 = 8",
                HelperId::MapPushElem => arguments + "; r3 = 0",
                _ => arguments,
            };
            if kind.usage() == wanted {
                accepted(&call(&arguments, spec.id));
            } else {
                refused(&wrong(&arguments, spec.id));
            }
        }
    }
}

#[test]
fn a_value_is_tested_before_it_is_used_whatever_the_map() {
    for (map, kind) in (0..).zip(MapKind::ALL) {
        if kind.usage() != platform_click::MapUse::Keyed {
            continue;
        }
        let at = if map == TRIE { -24 } else { -4 };
        let lookup = format!("{SETUP}r1 = map {map}; r2 = r10; r2 += {at}; call 1; ");
        accepted(&format!(
            "{lookup}if r0 == 0 goto end; r1 = *(u64*)(r0 + 8); end: r0 = 0; exit"
        ));
        refused(&format!("{lookup}!r1 = *(u64*)(r0 + 8){END}"));
        refused(&format!(
            "{lookup}if r0 == 0 goto end; !r1 = *(u64*)(r0 + 9); end: r0 = 0; exit"
        ));
    }
}

#[test]
fn keys_are_read_in_their_map_s_size() {
    // A trie's key has 8 bytes, of which 4 are there.
    let short =
        "r6 = r1; *(u32*)(r10 - 4) = 0; r1 = map 5; r2 = r10; r2 += -4; !call 1; r0 = 0; exit";
    refused(short);
    accepted(&short.replace("map 5", "map 4"));
}

#[test]
fn push_reads_a_value() {
    for map in [QUEUE, STACK] {
        let head = format!("r1 = map {map}; r3 = 0");
        accepted(&call(&format!("{head}; r2 = r10; r2 += -24"), 87));
        // 16 bytes from -20 on end above the frame pointer's slot of the key, which is there.
        accepted(&call(&format!("{head}; r2 = r10; r2 += -24; r3 = 2"), 87));
        refused(&wrong(&format!("{head}; r2 = r10; r2 += -32"), 87));
        refused(&wrong(&format!("{head}; r2 = r10; r2 += -8"), 87));
        refused(&wrong(&format!("{head}; r2 = 0"), 87));
        refused(&wrong(
            &format!("r1 = map {map}; r2 = r10; r2 += -24; r3 = r10"),
            87,
        ));
        refused(&wrong(&format!("r1 = map {map}; r2 = r10; r2 += -24"), 87));
    }
}

/// What pop writes may be read, and is not what was there before.
#[test]
fn pop_and_peek_write_a_value() {
    for (map, id) in [(QUEUE, 88), (STACK, 88), (QUEUE, 89), (STACK, 89)] {
        let pop = |memory: &str| format!("r6 = r1; r1 = map {map}; r2 = {memory}; call {id}; ");
        // Memory that was not initialised is, afterwards: 16 bytes of it.
        accepted(&format!(
            "{}r1 = *(u64*)(r10 - 64); r1 = *(u64*)(r10 - 56); r0 = 0; exit",
            pop("r10; r2 += -64")
        ));
        refused_by_one(&format!(
            "{}!r1 = *(u64*)(r10 - 48); r0 = 0; exit",
            pop("r10; r2 += -64")
        ));
        // The constant that was there is no more; a program that relied on it would divide by zero,
        // return something else, or read out of bounds.
        for use_of in [
            "r0 = *(u64*)(r10 - 64); !exit",
            "r0 = *(u32*)(r10 - 52); !exit",
        ] {
            refused(&format!(
                "*(u64*)(r10 - 64) = 1; *(u64*)(r10 - 56) = 0; {}{use_of}",
                pop("r10; r2 += -64")
            ));
        }
        // What lies beside is what it was.
        accepted(&format!(
            "*(u64*)(r10 - 72) = 1; *(u64*)(r10 - 48) = 1; {}r0 = *(u64*)(r10 - 72); r1 = *(u64*)(r10 - 48); r0 &= r1; exit",
            pop("r10; r2 += -64")
        ));
        // A pointer that was there is none any more.
        refused(&format!(
            "*(u64*)(r10 - 64) = r1; {}r1 = *(u64*)(r10 - 64); !r1 = *(u32*)(r1 + 16); r0 = 0; exit",
            pop("r10; r2 += -64")
        ));
        for memory in ["r10; r2 += -8", "0", "r6", "map 0"] {
            let text = pop(memory).replace("call", "!call");
            refused(&format!("{text}r0 = 0; exit"));
        }
        refused(&format!(
            "{}r0 = 0; exit",
            pop("data 2 + 0").replace("call", "!call")
        ));
        accepted(&format!("{}r0 = 0; exit", pop("data 0 + 4")));
        refused(&format!(
            "{}r0 = 0; exit",
            pop("data 0 + 5").replace("call", "!call")
        ));
    }
}

#[test]
fn pop_writes_to_packets_and_values_within_their_bounds() {
    let packet = |checked: u32| {
        format!(
            "r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8); r4 = r2; r4 += {checked}; if r4 > r3 goto end
             r1 = map {QUEUE}; !call 88; end: r0 = 0; exit"
        )
    };
    accepted(&packet(16));
    refused(&packet(15));
    let value = |offset: u32, test: &str| {
        format!(
            "{SETUP}r1 = map 0; r2 = r10; r2 += -4; call 1; {test}; r2 = r0; r2 += {offset}
             r1 = map {QUEUE}; !call 88; end: r0 = 0; exit"
        )
    };
    accepted(&value(0, "if r0 == 0 goto end"));
    refused(&value(1, "if r0 == 0 goto end"));
    refused(&format!(
        "{SETUP}r1 = map 0; r2 = r10; r2 += -4; call 1; r2 = r0; r1 = map {QUEUE}; !call 88{END}"
    ));
}

/// A function that pops, called with maps of one value size, and of two.
#[test]
fn a_function_may_pop_where_the_size_is_known() {
    let text = |first: u32| {
        format!(
            "fn main: r1 = map {first}; r2 = r10; r2 += -16; call f
             r1 = map {STACK}; r2 = r10; r2 += -16; call f
             r0 = *(u64*)(r10 - 16); r0 &= 1; exit
             fn f: call 88; exit"
        )
    };
    accepted(&text(QUEUE));
    let image = image(&text(SMALL));
    assert_eq!(engines::checker(&image), Opinion::Accepts);
    let Opinion::Refuses { slot, cause } = engines::together(&image) else {
        panic!("accepted");
    };
    assert_eq!(slot, 13);
    assert!(cause.contains("which map this is"), "{cause}");
}

/// A jump that leads to the call leads to where the size is set, too.
#[test]
fn a_call_that_is_jumped_to_writes_as_much() {
    accepted(&format!(
        "r6 = r1; r2 = r10; r2 += -16; r1 = map {QUEUE}; r3 = *(u32*)(r6 + 16); if r3 == 1 goto pop
         r3 = 7; pop: call 88; r0 = *(u64*)(r10 - 8); r0 &= 1; exit"
    ));
}

#[test]
fn ring_buffers_take_initialised_memory() {
    let output =
        |memory: &str, size: &str| format!("r1 = map {RING}; r2 = {memory}; r3 = {size}; r4 = 0");
    accepted(&call(&output("r10; r2 += -24", "16"), 130));
    accepted(&call(&output("r10; r2 += -24", "0"), 130));
    accepted(&call(&output("data 1 + 0", "4"), 130));
    refused(&wrong(&output("r10; r2 += -24", "17"), 130));
    refused(&wrong(&output("r10; r2 += -32", "16"), 130));
    refused(&wrong(&output("r10; r2 += -24", "-1"), 130));
    refused(&wrong(&output("0", "0"), 130));
    refused(&wrong(&output("r6", "8"), 130));
    refused(&wrong(
        &format!("{}; r4 = r10", output("r10; r2 += -24", "8")),
        130,
    ));
    // A stored pointer would reach the control plane.
    refused(&format!(
        "*(u64*)(r10 - 8) = r1; r1 = map {RING}; r2 = r10; r2 += -8; r3 = 8; r4 = 0; !call 130{END}"
    ));
    // A size between 0 and 16.
    let bounded = |most: u32| {
        format!(
            "{SETUP}r3 = *(u32*)(r6 + 16); if r3 > {most} goto end; r1 = map {RING}; r2 = r10; r2 += -24
             r4 = 0; !call 130; end: r0 = 0; exit"
        )
    };
    accepted(&bounded(16));
    refused(&bounded(17));
}

/// A packet's bytes go to a ring buffer as far as they were compared with its end.
#[test]
fn ring_buffers_take_packets() {
    let text = |size: u32| {
        format!(
            "r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8); r4 = r2; r4 += 14; if r4 > r3 goto end
             r1 = map {RING}; r3 = {size}; r4 = 0; !call 130; end: r0 = 0; exit"
        )
    };
    accepted(&text(14));
    refused(&text(15));
}

#[test]
fn checksums_take_memory_or_null_of_no_bytes() {
    let sum = |from: &str, to: &str| format!("r1 = {from}; r3 = {to}; r5 = 0");
    let stack = |size: u32| format!("r10; r1 += -24; r2 = {size}");
    let other = |size: u32| format!("r10; r3 += -24; r4 = {size}");
    accepted(&call(&sum(&stack(16), &other(16)), 28));
    accepted(&call(&sum(&stack(0), &other(0)), 28));
    accepted(&call(&sum("0; r2 = 0", &other(4)), 28));
    accepted(&call(&sum(&stack(4), "0; r4 = 0"), 28));
    refused(&wrong(&sum("0; r2 = 4", &other(4)), 28));
    refused(&wrong(&sum(&stack(4), "0; r4 = 4"), 28));
    refused(&wrong(&sum("1; r2 = 0", &other(4)), 28));
    refused(&wrong(&sum(&stack(17), &other(4)), 28));
    refused(&wrong(&sum(&stack(4), &other(17)), 28));
    refused(&wrong(&sum(&stack(4), "r10; r3 += -24; r4 = -4"), 28));
    refused(&wrong(&(sum(&stack(4), &other(4)) + "; r5 = r10"), 28));
    // PREVAIL takes a value that may be null for null or memory of the value's size.
    let looked_up = |test: &str, size: u32| {
        format!(
            "{SETUP}r1 = map 0; r2 = r10; r2 += -4; call 1; {test} r1 = r0; r2 = {size}; r3 = 0; r4 = 0
             r5 = 0; !call 28; end: r0 = 0; exit"
        )
    };
    accepted(&looked_up("if r0 == 0 goto end;", 16));
    refused(&looked_up("if r0 == 0 goto end;", 17));
    refused(&looked_up("", 16));
}

/// In all forms that clang has for it: the text in `.rodata.str`, in `.rodata`, or on the stack.
#[test]
fn texts_are_printed_with_as_many_numbers_as_they_have() {
    let text = "r1 = data 1 + 0; r2 = 4";
    let two = "r1 = data 2 + 0; r2 = 8";
    accepted(&call(text, 6));
    accepted(&call(&format!("{text}; r3 = 1; r4 = 2; r5 = 3"), 6));
    accepted(&call(&format!("{two}; r3 = 1; r4 = 2"), 6));
    accepted(&call(&format!("{two}; r3 = 1; r4 = 2; r5 = 3"), 6));
    for call_before in ["call 5; ", "r3 = 1; call 5; "] {
        // r3 to r5 are what the clock left there.
        accepted(&format!("{call_before}{text}; call 6{END}"));
        refused_by_one(&format!("{call_before}{two}; call 6{END}"));
        refused_by_one(&format!("{call_before}{two}; r3 = 1; call 6{END}"));
        refused_by_one(&format!("{call_before}{two}; r4 = 1; call 6{END}"));
    }
    // An address is a number to nobody.
    for register in ["r3", "r4", "r5"] {
        for address in ["r10", "r6", "map 0", "data 0 + 0"] {
            let all = format!("{text}; r3 = 1; r4 = 2; r5 = 3; {register} = {address}");
            refused(&wrong(&all, 6));
        }
    }
    refused(&wrong("r1 = data 1 + 0; r2 = 0", 6));
    refused(&wrong("r1 = data 1 + 0; r2 = 5", 6));
    refused(&wrong("r1 = 0; r2 = 4", 6));
}

/// `char text[] = "%d";` is a constant on the stack.
#[test]
fn texts_on_the_stack_are_known_as_long_as_they_are_constants() {
    // "%d\0", and the same with a character that is not known.
    let printed = "r1 = r10; r1 += -4; r2 = 4; call 6; r0 = 0; exit";
    accepted(&format!("*(u32*)(r10 - 4) = 0x6425; r3 = 1; {printed}"));
    refused_by_one(&format!("*(u32*)(r10 - 4) = 0x6425; {printed}"));
    accepted(&format!("*(u32*)(r10 - 4) = 0x6465; {printed}"));
    let unknown = "*(u32*)(r10 - 4) = 0x6465; r2 = *(u32*)(r1 + 16); *(u8*)(r10 - 4) = r2; ";
    refused_by_one(&format!("{unknown}{printed}"));
    accepted(&format!("{unknown}r3 = 1; r4 = 2; r5 = 3; {printed}"));
}

/// Helpers without arguments take none, and leave r1 to r5 undefined.
#[test]
fn clocks_and_cpu_take_nothing() {
    for id in [5, 7, 8, 125, 208] {
        accepted(&format!("call {id}; r0 &= 1; exit"));
        refused(&format!("r2 = 1; call {id}; r0 = 0; !r0 += r2; exit"));
        refused(&format!("call {id}; !exit"));
    }
}

/// PREVAIL's profile wants constant indices where an array's key lies on the stack.
#[test]
fn indices_of_arrays_are_in_range() {
    for map in [ARRAY, 3] {
        let lookup = |index: u32| {
            format!("*(u32*)(r10 - 4) = {index}; r1 = map {map}; r2 = r10; r2 += -4; call 1{END}")
        };
        accepted(&lookup(7));
        let image = image(&lookup(8));
        assert!(matches!(engines::prevail(&image), Opinion::Refuses { .. }));
    }
}
