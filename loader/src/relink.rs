//! The object, linked again, against what was signed about it.

use alloc::string::String;
use alloc::vec::Vec;

use bpf_object::{Image, Insn, LEGACY_SECTION, MapDef, Object, ParseOptions, Reg};
use bpf_statement::{Map, Program, Unreached};
use platform_click::limits;

use crate::Refusal;
use crate::admission::AdmittedProgram;

/// The programs of the object, in the order of `signed`, each with its image.
///
/// # Errors
/// When the object cannot be linked, has more or fewer programs than were signed, or one that is
/// not as it was signed.
pub(crate) fn relink(object: &[u8], signed: &[Program]) -> Result<Vec<AdmittedProgram>, Refusal> {
    let object = parse(object, signed)?;
    let is_signed = |name| signed.iter().any(|claims| claims.name.as_str() == name);
    let mut programs = object.programs().iter();
    if let Some(program) = programs.find(|program| !is_signed(program.name())) {
        return Err(Refusal::Unlisted(String::from(program.name())));
    }
    let link = |claims: &Program| {
        let program = object.program(claims.name.as_str());
        let program = program.ok_or_else(|| Refusal::Missing(claims.name.clone()))?;
        let image = object.link(program).map_err(Refusal::Object)?;
        check_image(claims, &image)?;
        check_frames(claims, &image)?;
        Ok(AdmittedProgram {
            claims: claims.clone(),
            image,
        })
    };
    signed.iter().map(link).collect()
}

/// Parses the object. What kind of program lies in the section without a kind of its own is for the
/// statement to say; the kind is part of the image, so a wrong one would not go unnoticed.
fn parse(object: &[u8], signed: &[Program]) -> Result<Object, Refusal> {
    let options = ParseOptions::default();
    let parsed = Object::parse(object, options).map_err(Refusal::Object)?;
    let mut programs = parsed.programs().iter();
    let legacy = programs.find(|program| program.section() == LEGACY_SECTION);
    let claims = legacy.and_then(|program| {
        signed
            .iter()
            .find(|claims| claims.name.as_str() == program.name())
    });
    match claims {
        Some(claims) if claims.kind != options.bpffilter => {
            let bpffilter = claims.kind;
            Object::parse(object, ParseOptions { bpffilter }).map_err(Refusal::Object)
        }
        _ => Ok(parsed),
    }
}

/// The image is the one that was verified, and what was signed about it is true.
fn check_image(claims: &Program, image: &Image) -> Result<(), Refusal> {
    if image.digest() != claims.image {
        return Err(Refusal::ImageDigest {
            program: claims.name.clone(),
            signed: claims.image,
            found: image.digest(),
        });
    }
    let helpers = claims.helpers.iter().map(|helper| helper.spec().id);
    let slots = u32::try_from(image.code().len());
    for (fact, holds) in [
        ("kind", image.kind() == claims.kind),
        ("number of instructions", slots == Ok(claims.instructions)),
        ("set of helpers", helpers.eq(image.helper_numbers())),
        (
            "list of maps",
            image.maps().len() == claims.maps.len()
                && image.maps().iter().zip(&claims.maps).all(same_map),
        ),
        (
            "set of unreached slots",
            has_ranges(image, &claims.unreached),
        ),
        ("set of unreached ways", has_jumps(image, &claims.unreached)),
    ] {
        if !holds {
            return Err(Refusal::Fact {
                program: claims.name.clone(),
                fact,
            });
        }
    }
    Ok(())
}

fn same_map((image, claims): (&MapDef, &Map)) -> bool {
    image.name == claims.name.as_str()
        && image.kind == claims.kind
        && image.key_size == claims.key_size
        && image.value_size == claims.value_size
        && image.max_entries == claims.max_entries
}

/// Unreached ranges hold whole instructions.
fn has_ranges(image: &Image, unreached: &Unreached) -> bool {
    let ends = unreached.slots.iter();
    ends.flat_map(|range| [range.first, range.end()])
        .all(|slot| insn(image, slot) != Some(Insn::WideTail))
}

/// Unreached ways are those of conditional jumps.
fn has_jumps(image: &Image, unreached: &Unreached) -> bool {
    let mut ways = unreached.ways.iter();
    ways.all(|way| matches!(insn(image, way.slot), Some(Insn::Branch { .. })))
}

fn insn(image: &Image, slot: u32) -> Option<Insn> {
    let slot = usize::try_from(slot).ok()?;
    image.code().get(slot).copied()
}

/// What is read or written at a fixed offset from the frame pointer lies within the frame.
fn check_frames(claims: &Program, image: &Image) -> Result<(), Refusal> {
    for (slot, insn) in image.code().iter().enumerate() {
        let (size, offset) = match *insn {
            Insn::Load {
                size,
                base: Reg::FP,
                off,
                ..
            }
            | Insn::Store {
                size,
                base: Reg::FP,
                off,
                ..
            }
            | Insn::Atomic {
                size,
                base: Reg::FP,
                off,
                ..
            } => (size.bytes(), off),
            _ => continue,
        };
        // The frame pointer points behind the frame: the distance down to the first byte.
        let below = usize::from(offset.unsigned_abs());
        let inside = offset < 0 && (size..=limits::STACK_FRAME_SIZE).contains(&below);
        if !inside {
            return Err(Refusal::Frame {
                program: claims.name.clone(),
                slot,
                offset,
            });
        }
    }
    Ok(())
}
