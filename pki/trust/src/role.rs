//! What a certificate is for.

use core::fmt;

use x509_cert::der::oid::ObjectIdentifier;

use crate::oid;

/// What a chain of certificates entitles to. Roles are separate, so that who vouches for programs
/// cannot reconfigure an instance, and who controls instances cannot vouch for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Signs statements about verified programs.
    Verifier,
    /// Signs control messages.
    Operator,
    /// Signs evidence of what an instance runs.
    Device,
    /// Signs control messages that no control program can deny.
    BreakGlass,
}

impl Role {
    /// Every role.
    pub const ALL: &'static [Self] = &[
        Self::Verifier,
        Self::Operator,
        Self::Device,
        Self::BreakGlass,
    ];

    /// The extended key usage that the CA and the leaf must have, and no other.
    #[must_use]
    pub const fn extended_key_usage(self) -> &'static ObjectIdentifier {
        match self {
            Self::Verifier => &oid::EKU_VERIFIER,
            Self::Operator => &oid::EKU_OPERATOR,
            Self::Device => &oid::EKU_DEVICE,
            Self::BreakGlass => &oid::EKU_BREAK_GLASS,
        }
    }

    /// The role's number in trust bundles, which is also the last arc of its key usage.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Verifier => 1,
            Self::Operator => 2,
            Self::Device => 3,
            Self::BreakGlass => 4,
        }
    }

    /// The role of a number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|role| role.number() == number)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Verifier => "verifier",
            Self::Operator => "operator",
            Self::Device => "device",
            Self::BreakGlass => "break-glass",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_last_arc_of_the_key_usage() {
        for role in Role::ALL {
            let arc = role.extended_key_usage().arcs().last();
            assert_eq!(arc, Some(u32::from(role.number())));
            assert_eq!(Role::from_number(role.number()), Some(*role));
        }
        assert_eq!(Role::from_number(0), None);
        assert_eq!(Role::from_number(5), None);
    }
}
