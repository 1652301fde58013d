//! Damage of any kind leads to an error or to a valid image, never to a panic.

use std::collections::BTreeSet;

use bpf_object::{Insn, codes};

use crate::patch::*;

/// A small generator (splitmix64), so that the damage is the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// Reads, links, prints and encodes; whatever is accepted is sound.
fn exercise(file: &[u8]) -> bool {
    let Ok(images) = link_all(file) else {
        return false;
    };
    for image in images {
        assert_eq!(Insn::decode_all(&image.raw()).unwrap(), image.code());
        assert!(!image.listing().to_string().is_empty());
    }
    true
}

#[test]
fn a_file_cut_at_any_byte_is_refused() {
    for (name, file) in ALL {
        for len in 0..file.len() {
            // The section table is at the end, so nothing shorter is whole.
            assert!(!exercise(&file[..len]), "{name}, {len} bytes");
        }
    }
}

#[test]
fn flipped_bits_do_no_harm() {
    let mut random = Random(1);
    let mut accepted = 0;
    for (_, file) in ALL {
        for _ in 0..5_000 {
            let mut file = file.to_vec();
            for _ in 0..=random.below(3) {
                let byte = random.below(file.len());
                file[byte] ^= 1 << random.below(8);
            }
            accepted += u32::from(exercise(&file));
        }
    }
    // Most bytes of an object are debugging information or names.
    assert!(accepted > 1_000, "{accepted}");
}

/// Flips where they hurt: numbers of headers, symbols, relocations and types become extreme.
#[test]
fn extreme_numbers_do_no_harm() {
    const EXTREMES: [u64; 8] = [
        0,
        1,
        0x7fff_ffff,
        0xffff_ffff,
        0x1_0000_0000,
        1 << 63,
        u64::MAX - 7,
        u64::MAX,
    ];
    for (_, file) in ALL {
        let table = u64::from_le_bytes(file[40..48].try_into().unwrap()) as usize;
        let patch = Patch::new(file);
        let ranges = [
            0..64,
            table..file.len(),
            range(&patch, ".symtab"),
            range(&patch, ".BTF"),
            range(&patch, ".BTF.ext"),
        ];
        for (width, start) in ranges
            .into_iter()
            .flat_map(|range| [(4, range.clone()), (8, range)])
            .flat_map(|(width, range)| range.step_by(width).map(move |start| (width, start)))
        {
            for extreme in EXTREMES {
                let mut file = file.to_vec();
                if let Some(bytes) = file.get_mut(start..start + width) {
                    bytes.copy_from_slice(&extreme.to_le_bytes()[..width]);
                }
                exercise(&file);
            }
        }
    }
}

fn range(file: &Patch, section: &str) -> core::ops::Range<usize> {
    let start = file.contents(section);
    start..start + file.section_field(section, SH_SIZE) as usize
}

/// Unordered garbage behind a good header.
#[test]
fn random_bytes_do_no_harm() {
    let mut random = Random(2);
    for _ in 0..2_000 {
        let mut file = TWO_PROGRAMS[..64].to_vec();
        let len = 64 + random.below(4096);
        file.resize_with(len, || random.next() as u8);
        let table = random.below(len) as u64;
        file[40..48].copy_from_slice(&table.to_le_bytes());
        file[60] = random.below(64) as u8;
        file[62] = random.below(64) as u8;
        exercise(&file);
    }
}

/// Each diagnostic has a file that leads to it.
#[test]
fn every_code_is_reached() {
    let good = || Patch::new(TWO_PROGRAMS);
    let files: [Vec<u8>; 19] = [
        good().byte("filter", 0, 0xff).0.clone(),
        good().byte("filter", 0x110, 0xbf).0.clone(),
        include_bytes!("../fixtures/refused/map_shape.o").to_vec(),
        b"text".to_vec(),
        include_bytes!("../fixtures/refused/x86_64.o").to_vec(),
        good().header(E_TYPE, 3).0.clone(),
        good().header(E_SHENTSIZE, 63).0.clone(),
        good().set_section(".llvm_addrsig", SH_TYPE, 2).0.clone(),
        include_bytes!("../fixtures/refused/common_symbol.o").to_vec(),
        include_bytes!("../fixtures/refused/unknown_section.o").to_vec(),
        include_bytes!("../fixtures/refused/no_program.o").to_vec(),
        include_bytes!("../fixtures/refused/custom_data_section.o").to_vec(),
        include_bytes!("../fixtures/refused/undefined_function.o").to_vec(),
        good()
            .set_section(".relfilter", SH_TYPE, 1)
            .byte("filter", 0x29, 0x11)
            .0
            .clone(),
        good().byte(".BTF", 0, 0).0.clone(),
        include_bytes!("../fixtures/refused/pinned_map.o").to_vec(),
        include_bytes!("../fixtures/refused/map_kind.o").to_vec(),
        include_bytes!("../fixtures/refused/nine_programs.o").to_vec(),
        include_bytes!("../fixtures/refused/long_name.o").to_vec(),
    ];
    let reached: BTreeSet<&str> = files
        .iter()
        .map(|file| link_all(file).unwrap_err().code().id)
        .collect();
    let all: BTreeSet<&str> = codes::ALL.iter().map(|code| code.id).collect();
    assert_eq!(reached, all);
    assert_eq!(
        all.len(),
        codes::ALL.len(),
        "two diagnostics have one identifier"
    );
}

/// Files at the limit that repeat what costs most for each byte: the work stays linear. (These would
/// take minutes or gigabytes otherwise, which is what the test notices.)
#[test]
fn full_files_cost_no_more_than_their_size() {
    // Every symbol has the longest name, which all share.
    let mut file = Patch::new(TWO_PROGRAMS);
    let mut names = file.copy_contents(".strtab");
    let long = names.len() as u32;
    names.extend([b'a'; 1024]);
    names.push(0);
    let mut symbol = [0; 24];
    symbol[..4].copy_from_slice(&long.to_le_bytes());
    let mut symbols = file.copy_contents(".symtab");
    symbols.extend(symbol.repeat(40_000));
    file.replace_contents(".strtab", &names)
        .replace_contents(".symtab", &symbols);
    assert!(exercise(&file.0));

    // As many functions as fit, each called by the one before it.
    let mut file = Patch::new(V4);
    let count = 20_000_u32;
    let index = file.section("filter") as u16;
    let symbols = (0..count).flat_map(|i| {
        let mut symbol = [0; 24];
        symbol[..4].copy_from_slice(&1_u32.to_le_bytes());
        symbol[4] = 2;
        symbol[6..8].copy_from_slice(&index.to_le_bytes());
        symbol[8..16].copy_from_slice(&u64::from(16 * i).to_le_bytes());
        symbol[16] = 16;
        symbol
    });
    let call_next: [u8; 16] = [0x85, 0x10, 0, 0, 1, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];
    let mut code = call_next.repeat(count as usize);
    // The last one returns instead of calling.
    let last = code.len() - 16;
    code.copy_within(last + 8.., last);
    let mut table = vec![0; 24];
    table.extend(symbols);
    // The first is the program.
    let name = file.symbol_field("signs", ST_NAME) as u32;
    table[24..28].copy_from_slice(&name.to_le_bytes());
    table[24 + 4] = 0x12;
    file.replace_contents(".symtab", &table)
        .replace_contents("filter", &code);
    let image = link_all(&file.0).unwrap().remove(0);
    assert_eq!(image.functions().len(), count as usize);
}
