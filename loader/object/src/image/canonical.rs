//! The canonical encoding of an image (`docs/formats.md`).

use alloc::vec::Vec;

use platform_click::ProgramKind;

use super::check::slot_number;
use super::{DataSection, MapDef};
use crate::insn::Insn;

/// Little-endian throughout; every list and every text is preceded by its length, so that no two
/// images have one encoding.
pub(super) fn encode(
    kind: ProgramKind,
    code: &[Insn],
    maps: &[MapDef],
    data: &[DataSection],
) -> Vec<u8> {
    const ENTRY_SLOT: u32 = 0;
    let mut out = Vec::new();
    out.extend_from_slice(b"bpf-image/1\0");
    out.push(kind.number());
    put_u32(&mut out, ENTRY_SLOT);
    put_len(&mut out, code.len());
    for raw in Insn::encode_all(code) {
        out.extend_from_slice(&raw.to_bytes());
    }
    put_len(&mut out, maps.len());
    for map in maps {
        put_bytes(&mut out, map.name.as_bytes());
        for field in [
            map.kind.number(),
            map.key_size,
            map.value_size,
            map.max_entries,
        ] {
            put_u32(&mut out, field);
        }
    }
    put_len(&mut out, data.len());
    for section in data {
        put_bytes(&mut out, section.name.as_bytes());
        out.push(u8::from(section.writable));
        put_bytes(&mut out, &section.bytes);
    }
    out
}

fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_len(out: &mut Vec<u8>, len: usize) {
    put_u32(out, slot_number(len));
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_len(out, bytes.len());
    out.extend_from_slice(bytes);
}
