//! Smaller programs: a program with instructions left out, or made simpler.

use core::ops::Range;

use bpf_object::{Function, Image, ImageParts, Insn, Operand, Wide};

/// The image without the instructions in these slots; jumps to them lead to what follows. None when
/// that is no image.
#[must_use]
pub fn without(image: &Image, slots: &Range<usize>) -> Option<Image> {
    let old = image.code();
    let splits_wide = |at: usize| old.get(at) == Some(&Insn::WideTail);
    if splits_wide(slots.start) || splits_wide(slots.end) {
        return None;
    }
    let moved = |slot: u32| {
        let slot = slot as usize;
        let behind = slot.saturating_sub(slots.start).min(slots.len());
        (slot - behind) as u32
    };
    let kept = old[..slots.start].iter().chain(&old[slots.end..]);
    let code: Vec<Insn> = kept.map(|insn| retarget(*insn, moved)).collect();
    let mut functions: Vec<Function> = Vec::new();
    for function in image.functions() {
        let start = moved(function.start);
        if functions.last().is_some_and(|last| last.start == start) {
            functions.pop();
        }
        if (start as usize) < code.len() {
            functions.push(Function {
                start,
                ..function.clone()
            });
        }
    }
    rebuilt(image, &code, functions)
}

fn retarget(insn: Insn, moved: impl Fn(u32) -> u32) -> Insn {
    match insn {
        Insn::Jump { target } => Insn::Jump {
            target: moved(target),
        },
        Insn::CallLocal { target } => Insn::CallLocal {
            target: moved(target),
        },
        Insn::Branch {
            width,
            cond,
            dst,
            src,
            target,
        } => Insn::Branch {
            width,
            cond,
            dst,
            src,
            target: moved(target),
        },
        other => other,
    }
}

/// Maps and data stay only while something refers to them.
fn rebuilt(image: &Image, code: &[Insn], functions: Vec<Function>) -> Option<Image> {
    let refers = |wanted: fn(&Wide) -> bool| {
        code.iter()
            .any(|insn| matches!(insn, Insn::Wide { value, .. } if wanted(value)))
    };
    let keep_maps = refers(|value| matches!(value, Wide::Map(_)));
    let keep_data = refers(|value| matches!(value, Wide::Data { .. }));
    let maps = image.maps().iter().filter(|_| keep_maps);
    let data = image.data().iter().filter(|_| keep_data);
    Image::new(ImageParts {
        kind: image.kind(),
        code: Insn::encode_all(code),
        functions,
        maps: maps.cloned().collect(),
        data: data.cloned().collect(),
        lines: bpf_object::LineTable::default(),
    })
    .ok()
}

/// Programs that are a little smaller or simpler than the image, the smallest first.
#[must_use]
pub fn reductions(image: &Image) -> Vec<Image> {
    let slots = image.code().len();
    let mut smaller = Vec::new();
    let mut length = slots / 2;
    while length > 0 {
        let starts = (0..slots).step_by(length);
        smaller
            .extend(starts.filter_map(|start| without(image, &(start..slots.min(start + length)))));
        if length <= 2 {
            // A wide load is two slots, at any place.
            let pairs = (0..slots.saturating_sub(1)).filter_map(|at| without(image, &(at..at + 2)));
            smaller.extend(pairs);
        }
        length /= 2;
    }
    smaller.extend((0..slots).flat_map(|slot| simpler(image, slot)));
    smaller
}

/// The image with one instruction made simpler.
fn simpler(image: &Image, slot: usize) -> Vec<Image> {
    let insn = image.code()[slot];
    let mut others = Vec::new();
    match insn {
        Insn::Branch { target, .. } => others.push(Insn::Jump { target }),
        Insn::Alu {
            width,
            op,
            dst,
            src: Operand::Imm(imm),
        } if imm.unsigned_abs() > 1 => {
            for imm in [0, 1, -1] {
                others.push(Insn::Alu {
                    width,
                    op,
                    dst,
                    src: Operand::Imm(imm),
                });
            }
        }
        Insn::Store {
            size,
            base,
            off,
            src: Operand::Imm(imm),
        } if imm.unsigned_abs() > 1 => {
            for imm in [0, 1, -1] {
                others.push(Insn::Store {
                    size,
                    base,
                    off,
                    src: Operand::Imm(imm),
                });
            }
        }
        _ => {}
    }
    let with = |other| {
        let mut code = image.code().to_vec();
        code[slot] = other;
        rebuilt(image, &code, image.functions().to_vec())
    };
    others.into_iter().filter_map(with).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{read, write};

    fn image(text: &str) -> Image {
        Image::new(read(text)).unwrap()
    }

    #[test]
    fn jumps_lead_to_what_follows() {
        let image = image("r0 = 0; if r0 == 0 goto out; r0 = 1; r1 = 5 ll; out: r0 = 2; exit");
        let smaller = without(&image, &(2..5)).unwrap();
        assert_eq!(
            write(&smaller),
            ".kind rewriter\nfn f0:\n  r0 = 0\n  if r0 == 0 goto L2\nL2:\n  r0 = 2\n  exit\n"
        );
        // Half of a wide load.
        assert_eq!(without(&image, &(3..4)), None);
        // Nothing would end the program.
        assert_eq!(without(&image, &(6..7)), None);
    }

    #[test]
    fn functions_go_with_their_calls() {
        let image = image("r0 = 0; call inner; exit\nfn inner: r0 = 1; exit");
        let smaller = without(&image, &(3..5));
        // The call has lost its target.
        assert_eq!(smaller, None);
        let smaller = without(&image, &(1..2)).and_then(|image| without(&image, &(2..4)));
        assert_eq!(smaller.unwrap().functions().len(), 1);
    }

    #[test]
    fn every_reduction_is_another_program() {
        let image = image("r0 = 7; if r0 == 0 goto out; r1 = 5 ll; out: r0 = 2; exit");
        let reductions = reductions(&image);
        assert!(reductions.len() > 8);
        assert!(
            reductions
                .iter()
                .all(|smaller| smaller.digest() != image.digest())
        );
    }
}
