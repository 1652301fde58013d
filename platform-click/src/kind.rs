//! Kinds of program: their sections, and what their return values mean.

use core::fmt;
use core::ops::RangeInclusive;

/// What a program is for. It decides the element that takes it, the helpers it may call and the
/// values it may return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum ProgramKind {
    /// Says whether a packet passes (`BPFFilter`).
    Filter = 1,
    /// Names the output port of a packet (`BPFClassifier`).
    Classifier = 2,
    /// Changes a packet, its length included (`BPFRewriter`).
    Rewriter = 3,
    /// Says whether an operation of the control plane is allowed.
    Control = 4,
}

/// Return values of a filter.
pub mod filter {
    /// The program gave up; the packet is dropped.
    pub const ABORT: u64 = 0;
    /// The packet is dropped.
    pub const DROP: u64 = 1;
    /// The packet passes.
    pub const PASS: u64 = 2;
}

/// Return values of a rewriter.
pub mod rewriter {
    /// The program gave up; the packet is dropped.
    pub const ABORT: u64 = 0;
    /// The packet goes on as rewritten.
    pub const SUCCESS: u64 = 1;
}

impl ProgramKind {
    /// Every kind, in ascending order of its number.
    pub const ALL: &'static [Self] = &[
        Self::Filter,
        Self::Classifier,
        Self::Rewriter,
        Self::Control,
    ];

    /// A classifier's value that drops the packet; every other one is an output port.
    pub const CLASSIFIER_DROP: u64 = 255;

    /// The kind with this number, as statements and images carry it.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Filter),
            2 => Some(Self::Classifier),
            3 => Some(Self::Rewriter),
            4 => Some(Self::Control),
            _ => None,
        }
    }

    /// Its number in statements and images.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Filter => 1,
            Self::Classifier => 2,
            Self::Rewriter => 3,
            Self::Control => 4,
        }
    }

    /// Its name, which is also the name of its ELF section.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Classifier => "classifier",
            Self::Rewriter => "rewriter",
            Self::Control => "control",
        }
    }

    /// The kind named `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// The kind of the programs in an ELF section: `filter`, `filter/anything`, and so on.
    #[must_use]
    pub fn from_section(section: &str) -> Option<Self> {
        Self::from_name(section.split_once('/').map_or(section, |(kind, _)| kind))
    }

    /// The values that a program of this kind may return; proved before signing.
    ///
    /// A classifier drops with 255, not −1: an interval that holds −1 and 0 holds everything.
    #[must_use]
    pub const fn returns(self) -> RangeInclusive<u64> {
        match self {
            Self::Filter => filter::ABORT..=filter::PASS,
            Self::Classifier => 0..=Self::CLASSIFIER_DROP,
            Self::Rewriter => rewriter::ABORT..=rewriter::SUCCESS,
            Self::Control => 0..=1,
        }
    }
}

impl fmt::Display for ProgramKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of program kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindSet(u8);

impl KindSet {
    /// Every kind.
    pub const ALL: Self = Self::of(ProgramKind::ALL);

    /// The set of `kinds`.
    #[must_use]
    pub const fn of(kinds: &[ProgramKind]) -> Self {
        let mut bits = 0;
        let mut rest = kinds;
        while let [kind, tail @ ..] = rest {
            bits |= 1 << kind.number();
            rest = tail;
        }
        Self(bits)
    }

    /// Whether `kind` is in the set.
    #[must_use]
    pub const fn contains(self, kind: ProgramKind) -> bool {
        self.0 & (1 << kind.number()) != 0
    }

    /// The kinds in the set, in ascending order.
    pub fn iter(self) -> impl Iterator<Item = ProgramKind> {
        ProgramKind::ALL
            .iter()
            .copied()
            .filter(move |kind| self.contains(*kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_names_and_sections_round_trip() {
        for kind in ProgramKind::ALL {
            assert_eq!(ProgramKind::from_number(kind.number()), Some(*kind));
            assert_eq!(ProgramKind::from_name(kind.name()), Some(*kind));
            assert_eq!(ProgramKind::from_section(kind.name()), Some(*kind));
        }
        assert_eq!(
            ProgramKind::from_section("filter/drop_all"),
            Some(ProgramKind::Filter)
        );
        assert_eq!(ProgramKind::from_section("filters"), None);
        assert_eq!(ProgramKind::from_section("bpffilter"), None);
    }

    #[test]
    fn sets_hold_what_they_are_made_of() {
        let set = KindSet::of(&[ProgramKind::Rewriter]);
        assert!(set.contains(ProgramKind::Rewriter) && !set.contains(ProgramKind::Filter));
        assert!(KindSet::ALL.iter().eq(ProgramKind::ALL.iter().copied()));
    }
}
