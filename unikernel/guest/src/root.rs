//! Whom an image trusts: the digest of the first root keys, which is a part of the image itself and never
//! comes with the programs.
//!
//! An image is built without, and then trusts nobody. `bpfclick vm` writes the digest into a copy of the
//! image, at the place that a mark shows; whoever measures the image measures it, too.

use platform_click::Digest;

/// What the digest follows in the image.
pub const MARK: [u8; 32] = *b"bpfclick: digest of root keys:\n\0";

/// The place in an image: the mark, and the digest of the root keys, or zeros.
pub type Root = [u8; 64];

/// The place, without a digest.
#[must_use]
pub const fn empty() -> Root {
    let mut root = [0; 64];
    let (mark, _) = root.split_at_mut(32);
    mark.copy_from_slice(&MARK);
    root
}

/// The digest, if there is one.
#[must_use]
pub fn digest(root: &Root) -> Option<Digest> {
    let (_, digest) = root.split_last_chunk::<32>()?;
    let digest = Digest::from_bytes(*digest);
    (digest != Digest::from_bytes([0; 32])).then_some(digest)
}

/// Writes the digest into an image. `None` when the image has no place for it, or several.
#[must_use]
pub fn write(image: &mut [u8], digest: &Digest) -> Option<()> {
    let mut places = image.windows(MARK.len()).enumerate();
    let (at, _) = places.find(|(_, bytes)| *bytes == MARK)?;
    if places.any(|(_, bytes)| bytes == MARK) {
        return None;
    }
    let start = at.checked_add(MARK.len())?;
    let place = image.get_mut(start..start.checked_add(32)?)?;
    place.copy_from_slice(digest.as_bytes());
    Some(())
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn a_digest_is_written_to_its_place() {
        let keys = Digest::of(b"keys");
        let mut image = [&[1; 100][..], &empty(), &[2; 7]].concat();
        assert_eq!(write(&mut image, &keys), Some(()));
        let root: Root = image[100..164].try_into().unwrap();
        assert_eq!(digest(&root), Some(keys));
        assert_eq!(digest(&empty()), None);
        assert_eq!((&image[..100], &image[164..]), (&[1; 100][..], &[2; 7][..]));
        let mut two: Vec<u8> = [image.clone(), image.clone()].concat();
        assert_eq!(write(&mut two, &keys), None);
        assert_eq!(write(&mut image[..150], &keys), None);
        assert_eq!(write(&mut [], &keys), None);
    }
}
