//! Small changes to programs.

use bpf_object::{Image, ImageParts, RawInsn};

use crate::random::Random;

/// The image with one to three small changes; none when they made it no image.
#[must_use]
pub fn mutated(image: &Image, random: &mut Random) -> Option<Image> {
    let mut code = image.raw();
    for _ in 0..=random.below(3) {
        mutate(random, &mut code);
    }
    Image::new(ImageParts {
        kind: image.kind(),
        code,
        functions: image.functions().to_vec(),
        maps: image.maps().to_vec(),
        data: image.data().to_vec(),
        lines: image.lines().clone(),
    })
    .ok()
}

/// Changes one field of one instruction a little, or replaces the instruction by a copy of
/// the context into r9, where generated programs keep pointers.
pub(crate) fn mutate(random: &mut Random, code: &mut [RawInsn]) {
    let slot = random.below(code.len() as u64) as usize;
    let insn = &mut code[slot];
    match random.below(7) {
        0 => insn.imm = insn.imm.wrapping_add(random.pick(&[1, -1, 8, -8])),
        1 => insn.off = insn.off.wrapping_add(random.pick(&[1, -1, 2, -8])),
        2 => insn.dst = random.below(10) as u8,
        3 => insn.src = random.below(11) as u8,
        // Another operation, class, width or source of the operand.
        4 => insn.opcode ^= random.pick(&[0x01, 0x02, 0x03, 0x08, 0x10, 0x20, 0x40, 0x80]),
        5 => insn.imm = random.immediate(),
        _ => {
            *insn = RawInsn {
                opcode: 0xbf,
                dst: 9,
                src: 6,
                ..RawInsn::default()
            };
        }
    }
}
