//! The disassembly agrees with that of LLVM, for every instruction of the ISA.

use bpf_object::{Insn, Object, ParseOptions, RawInsn, Reg, Wide};

/// What `llvm-objdump-19 -d --mcpu=v4` says about `every_instruction.s`.
const LLVM: &str = include_str!("../fixtures/every_instruction.txt");

/// The slots and the text of each instruction.
fn parse_dump(dump: &str) -> Vec<(Vec<RawInsn>, &str)> {
    dump.lines()
        .filter_map(|line| {
            let (bytes, text) = line.split_once(':')?.1.trim_start().split_once('\t')?;
            let bytes: Vec<u8> = bytes
                .split(' ')
                .map(|byte| u8::from_str_radix(byte, 16).unwrap())
                .collect();
            let slots = bytes.chunks(8).map(|slot| slot.try_into().unwrap());
            // Jumps have their symbol behind them.
            let text = text.split(" <.").next().unwrap();
            Some((slots.map(RawInsn::from_bytes).collect(), text))
        })
        .collect()
}

#[test]
fn every_instruction_reads_as_llvm_prints_it() {
    let dump = parse_dump(LLVM);
    let raw: Vec<RawInsn> = dump.iter().flat_map(|(slots, _)| slots.clone()).collect();
    let code = Insn::decode_all(&raw).unwrap();
    let mut slot = 0;
    for (slots, want) in &dump {
        let got = code[slot].relative_to(slot as u32).to_string();
        // The two forms of a jump are one instruction.
        assert_eq!(got, want.replace("gotol", "goto"), "slot {slot}");
        slot += slots.len();
    }
    assert_eq!(dump.len(), 101);
}

#[test]
fn what_llvm_cannot_know_reads_so() {
    let wide = |value| Insn::Wide {
        dst: Reg::R1,
        value,
    };
    let data = Wide::Data {
        section: 2,
        offset: 16,
    };
    for (insn, want) in [
        (wide(Wide::Map(3)), "r1 = map[3] ll"),
        (wide(data), "r1 = data[2] + 0x10 ll"),
        (Insn::WideTail, "(second half)"),
        (Insn::CallLocal { target: 12 }, "call slot 12"),
        (Insn::Jump { target: 7 }, "goto 7"),
    ] {
        assert_eq!(insn.to_string(), want);
    }
}

#[test]
fn a_listing_names_functions_lines_maps_data_and_helpers() {
    let file = include_bytes!("../fixtures/two_programs.o");
    let object = Object::parse(file, ParseOptions::default()).unwrap();
    let image = object.link(object.program("sort").unwrap()).unwrap();
    assert_eq!(
        image.listing().to_string(),
        include_str!("../fixtures/two_programs.sort.txt")
    );
    let image = object.link(object.program("count").unwrap()).unwrap();
    let listing = image.listing().to_string();
    for part in [
        "call 0x1 ; bpf_map_lookup_elem",
        "ll ; counts",
        "ll ; flows",
    ] {
        assert!(listing.contains(part), "{listing}");
    }
}
