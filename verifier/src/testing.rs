//! Small images for unit tests.

use bpf_object::{DataSection, Function, Image, ImageParts, LineTable, MapDef, RawInsn};
use platform_click::{MapKind, ProgramKind};

use crate::checks::{self, Failure};
use crate::first::Prover;
use crate::prevail::Proof;

/// One slot.
pub(crate) fn op(opcode: u8, dst: u8, src: u8, off: i16, imm: i32) -> RawInsn {
    RawInsn {
        opcode,
        dst,
        src,
        off,
        imm,
    }
}

/// `r = imm`.
pub(crate) fn mov(dst: u8, imm: i32) -> RawInsn {
    op(0xb7, dst, 0, 0, imm)
}

/// `exit`.
pub(crate) fn exit() -> RawInsn {
    op(0x95, 0, 0, 0, 0)
}

/// Returns 1, which every kind allows.
pub(crate) fn pass() -> Vec<RawInsn> {
    vec![mov(0, 1), exit()]
}

/// An image of one function.
pub(crate) fn image(kind: ProgramKind, code: &[RawInsn]) -> Image {
    with_functions(kind, code, &[])
}

/// An image with an array `m` of four 8-byte values, a writable section `.data` and a read-only
/// section `.rodata`, each of 8 bytes, and functions at these slots besides the entry.
pub(crate) fn with_functions(kind: ProgramKind, code: &[RawInsn], starts: &[u32]) -> Image {
    with_map(MapKind::Array, kind, code, starts)
}

/// The same, with `m` of this kind.
pub(crate) fn with_map(map: MapKind, kind: ProgramKind, code: &[RawInsn], starts: &[u32]) -> Image {
    let mut functions = vec![Function {
        name: "prog".into(),
        start: 0,
    }];
    functions.extend(starts.iter().map(|start| Function {
        name: format!("f{start}"),
        start: *start,
    }));
    Image::new(ImageParts {
        kind,
        code: code.to_vec(),
        functions,
        maps: vec![MapDef {
            name: "m".into(),
            kind: map,
            key_size: 4,
            value_size: 8,
            max_entries: 4,
        }],
        data: [(".data", true), (".rodata", false)]
            .map(|(name, writable)| DataSection {
                name: name.into(),
                bytes: vec![0; 8],
                writable,
            })
            .into(),
        lines: LineTable::default(),
    })
    .unwrap()
}

/// Own checks and the first engine alone: what is tested of them must not hide behind the second.
pub(crate) fn by_prevail(image: &Image) -> Proof {
    match checks::check(image) {
        Ok(checked) => Prover::Rust.prove(image, &checked),
        Err(Failure::Rejected(reports)) => Proof::Rejected(reports),
        Err(Failure::TooComplex) => Proof::Unsupported("too complex".into()),
    }
}
