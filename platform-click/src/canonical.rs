//! The platform as canonical text, and its digests.
//!
//! The text is what a person reads (`bpfsign platform show`) and what is hashed: one line per fact,
//! in a fixed order, UTF-8, lines ended by `\n`. Whatever changes the meaning of a proof changes
//! the text; documentation strings are not in it.

use core::fmt;

use sha2::{Digest as _, Sha256};

use crate::{CONTEXT, CONTEXT_SIZE, Digest, HelperId, MapKind, PROFILE, ProgramKind, limits};

/// Name and version of the platform; the version rises when the meaning of existing facts changes.
const NAME: &str = "click/1";

/// The whole platform. Its `Display` is the canonical text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Platform;

impl Platform {
    /// Its name and version.
    pub const NAME: &'static str = NAME;

    /// SHA-256 of the canonical text of the whole platform.
    #[must_use]
    pub fn digest(&self) -> Digest {
        hash_text(self)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_text(
            f,
            HelperId::ALL.iter().copied(),
            MapKind::ALL.iter().copied(),
        )
    }
}

/// The part of the platform that one object uses: context, kinds, limits and profile as a whole,
/// and only the helpers and map kinds that it refers to.
///
/// Statements carry the digest of the slice, so that a new helper does not invalidate what was
/// signed before it existed, while a changed one does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlatformSlice {
    /// Bit `i` is `HelperId::ALL[i]`.
    helpers: u32,
    /// Bit `i` is `MapKind::ALL[i]`.
    maps: u32,
}

impl PlatformSlice {
    /// The slice of these helpers and map kinds; order and repetition do not matter.
    #[must_use]
    pub fn new(
        helpers: impl IntoIterator<Item = HelperId>,
        maps: impl IntoIterator<Item = MapKind>,
    ) -> Self {
        let mut slice = Self::default();
        for helper in helpers {
            slice.helpers |= bit(HelperId::ALL, helper);
        }
        for map in maps {
            slice.maps |= bit(MapKind::ALL, map);
        }
        slice
    }

    /// SHA-256 of the canonical text of the slice.
    #[must_use]
    pub fn digest(&self) -> Digest {
        hash_text(self)
    }
}

impl fmt::Display for PlatformSlice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let helpers = HelperId::ALL
            .iter()
            .copied()
            .filter(|helper| self.helpers & bit(HelperId::ALL, *helper) != 0);
        let maps = MapKind::ALL
            .iter()
            .copied()
            .filter(|map| self.maps & bit(MapKind::ALL, *map) != 0);
        write_text(f, helpers, maps)
    }
}

/// The bit of `item`'s place in `all`. `all` has at most 32 items: a compile-time fact below.
fn bit<T: PartialEq + Copy>(all: &[T], item: T) -> u32 {
    all.iter().position(|other| *other == item).map_or(0, |i| {
        1_u32.checked_shl(i.try_into().unwrap_or(32)).unwrap_or(0)
    })
}

const _: () = assert!(HelperId::ALL.len() <= 32 && MapKind::ALL.len() <= 32);

fn write_text(
    f: &mut fmt::Formatter<'_>,
    helpers: impl Iterator<Item = HelperId>,
    maps: impl Iterator<Item = MapKind>,
) -> fmt::Result {
    writeln!(f, "platform {NAME}")?;
    writeln!(f, "context {CONTEXT_SIZE}")?;
    for field in CONTEXT {
        writeln!(
            f,
            "field {} offset={} size={} {}",
            field.name,
            field.offset,
            field.size,
            field.access.as_str()
        )?;
    }
    for kind in ProgramKind::ALL {
        let returns = kind.returns();
        writeln!(
            f,
            "kind {} {} returns={}..={}",
            kind.number(),
            kind.name(),
            returns.start(),
            returns.end()
        )?;
    }
    for (name, value) in limits::ALL {
        writeln!(f, "limit {name}={value}")?;
    }
    for (name, value) in PROFILE.options() {
        writeln!(f, "profile {name}={value}")?;
    }
    for helper in helpers {
        let spec = helper.spec();
        write!(f, "helper {} {}(", spec.id, spec.name)?;
        for (i, arg) in spec.args.iter().enumerate() {
            write!(f, "{}{}", if i == 0 { "" } else { " " }, arg.kind.as_str())?;
        }
        write!(f, ") -> {} kinds=", spec.ret.as_str())?;
        for (i, kind) in spec.kinds.iter().enumerate() {
            write!(f, "{}{}", if i == 0 { "" } else { "," }, kind.name())?;
        }
        writeln!(
            f,
            "{}",
            if spec.reallocates_packet {
                " reallocates-packet"
            } else {
                ""
            }
        )?;
    }
    for map in maps {
        writeln!(f, "map {} {}", map.number(), map.name())?;
    }
    Ok(())
}

/// Feeds formatted text to a hash without holding it in memory.
struct HashWriter(Sha256);

impl fmt::Write for HashWriter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

fn hash_text(text: &impl fmt::Display) -> Digest {
    let mut writer = HashWriter(Sha256::new());
    // Writing to a hash cannot fail, and neither can the texts above.
    let _ = fmt::write(&mut writer, format_args!("{text}"));
    Digest::from_bytes(writer.0.finalize().into())
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::ToString;

    use super::*;

    #[test]
    fn a_slice_of_everything_is_the_platform() {
        let all = PlatformSlice::new(HelperId::ALL.iter().copied(), MapKind::ALL.iter().copied());
        assert_eq!(all.to_string(), Platform.to_string());
        assert_eq!(all.digest(), Platform.digest());
        assert_eq!(all.digest(), Digest::of(Platform.to_string().as_bytes()));
    }

    #[test]
    fn a_slice_depends_on_what_it_holds_and_on_nothing_else() {
        let one = PlatformSlice::new([HelperId::MapLookupElem], [MapKind::Hash]);
        let same = PlatformSlice::new([HelperId::MapLookupElem; 3], [MapKind::Hash]);
        let other = PlatformSlice::new([HelperId::MapLookupElem], [MapKind::Array]);
        assert_eq!(one.digest(), same.digest());
        assert_ne!(one.digest(), other.digest());
        assert!(one.to_string().contains("helper 1 ") && !one.to_string().contains("helper 2 "));
    }
}
