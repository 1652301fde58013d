//! Exit codes of `bpfsign` and `bpfclick`: one enum, the same in every output format.

/// Defines [`ExitCode`], its number and its meaning in one place.
macro_rules! exit_codes {
    ($( $(#[$meta:meta])* $variant:ident = $number:literal, $meaning:literal; )*) => {
        /// How a command ended. Numbers are stable across releases.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum ExitCode { $( #[doc = $meaning] $(#[$meta])* $variant = $number, )* }

        impl ExitCode {
            /// Every exit code, in ascending order.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// The number that the process ends with.
            #[must_use]
            pub const fn number(self) -> u8 { match self { $( Self::$variant => $number, )* } }

            /// What a process meant that ended with `number`.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $( $number => Some(Self::$variant), )* _ => None }
            }

            /// What the number means, in one line.
            #[must_use]
            pub const fn meaning(self) -> &'static str { match self { $( Self::$variant => $meaning, )* } }
        }
    };
}

exit_codes! {
    Accepted = 0, "accepted";
    Internal = 1, "internal error";
    Usage = 2, "usage or configuration";
    Input = 3, "input unreadable, malformed, or no program found";
    Rejected = 10, "the verifier rejected the program";
    Undecided = 11, "undecided (a limit was reached) or unsupported by the verifier";
    NoBundle = 20, "no bundle: the object is not signed";
    Signature = 21, "signature or encoding invalid";
    Untrusted = 22, "certificate chain not trusted";
    Validity = 23, "expired or not yet valid";
    Revoked = 24, "revoked, or below the epoch";
    Mismatch = 25, "object or image digest mismatch";
    Platform = 26, "platform, profile or verifier mismatch";
    Rollback = 27, "rollback, equivocation or jump of the counter";
    Policy = 28, "policy: name, kind, helpers or bounds";
    Key = 30, "key or token";
    Io = 31, "input or output failed";
    RenewalDue = 40, "renewal due";
}

impl ExitCode {
    /// From what says least to what outweighs everything. What is known to be wrong outweighs what is
    /// not known, and a defect of the tool, after which nothing it says counts, outweighs both.
    pub const BY_RANK: &'static [Self] = &[
        Self::Accepted,
        Self::RenewalDue,
        Self::Usage,
        Self::Key,
        Self::Io,
        Self::Input,
        Self::Undecided,
        Self::Policy,
        Self::NoBundle,
        Self::Validity,
        Self::Platform,
        Self::Mismatch,
        Self::Untrusted,
        Self::Signature,
        Self::Rollback,
        Self::Revoked,
        Self::Rejected,
        Self::Internal,
    ];

    /// Which of several decides how a command ends: the highest.
    #[must_use]
    pub fn rank(self) -> usize {
        let rank = Self::BY_RANK.iter().position(|code| *code == self);
        rank.unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ascend_and_are_unique() {
        assert!(
            ExitCode::ALL
                .windows(2)
                .all(|pair| pair[0].number() < pair[1].number())
        );
    }

    #[test]
    fn every_code_has_one_rank() {
        assert_eq!(ExitCode::BY_RANK.len(), ExitCode::ALL.len());
        for code in ExitCode::ALL {
            assert!(ExitCode::BY_RANK.contains(code), "{code:?}");
        }
        assert!(ExitCode::Rejected.rank() > ExitCode::Policy.rank());
    }
}
