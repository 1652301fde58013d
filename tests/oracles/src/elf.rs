//! Objects.

use bpf_object::{Image, ImageParts, Object, ParseOptions};

/// An object that is taken has programs, and each links to the same image every time or to an error.
/// The image is what its own parts make: nothing gets into it that `Image::new` would refuse.
pub fn object(bytes: &[u8]) {
    let Ok(object) = Object::parse(bytes, ParseOptions::default()) else {
        return;
    };
    for program in object.programs() {
        assert!(object.program(program.name()).is_some(), "found by name");
        let image = object.link(program);
        assert_eq!(image, object.link(program), "linked twice");
        if let Ok(image) = image {
            same_from_parts(&image);
        }
    }
}

fn same_from_parts(image: &Image) {
    let parts = ImageParts {
        kind: image.kind(),
        code: image.raw(),
        functions: image.functions().to_vec(),
        maps: image.maps().to_vec(),
        data: image.data().to_vec(),
        lines: image.lines().clone(),
    };
    let again = Image::new(parts).expect("parts of an image make an image");
    assert_eq!(again.digest(), image.digest(), "the digest of the parts");
    assert_eq!(again.canonical(), image.canonical(), "what is digested");
    assert!(!image.listing().to_string().is_empty(), "it can be shown");
}

/// An object of the tests whose maps are declared in BTF.
const WITH_BTF: &[u8] = include_bytes!("../../../loader/object/tests/fixtures/references.o");

/// [`object`], with these bytes in place of a real object's BTF: a mutation cannot lose the rest of
/// the file. Shorter ones are filled with zeros.
pub fn btf(bytes: &[u8]) {
    let (offset, size) = btf_of(WITH_BTF).expect("the object has BTF");
    let mut file = WITH_BTF.to_vec();
    let section = file
        .get_mut(offset..offset + size)
        .expect("the section is in the file");
    section.fill(0);
    for (byte, new) in section.iter_mut().zip(bytes) {
        *byte = *new;
    }
    object(&file);
}

/// Where `.BTF` lies in a file of ours: the magic number, version 1, no flags, a header of 24 bytes.
/// Its strings end it.
#[must_use]
pub fn btf_of(file: &[u8]) -> Option<(usize, usize)> {
    let head = [0x9f, 0xeb, 1, 0, 24, 0, 0, 0];
    let offset = file.windows(head.len()).position(|window| window == head)?;
    let word = |at: usize| {
        let bytes = file.get(offset + at..)?.first_chunk()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    };
    Some((offset, 24 + word(16)? + word(20)?))
}
