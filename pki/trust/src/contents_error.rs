//! Why the content of a trust bundle is refused, and the two rules that all its lists share.

use bpf_statement::{MAX_COUNTER, TextError};
use platform_click::Digest;

use crate::UnixTime;

/// Why the content of a trust bundle is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentsError {
    /// The version is 0.
    #[error("versions start at 1")]
    Version,
    /// It expires before it is issued.
    #[error("it expires at {expires}, not after it is issued at {issued}")]
    Validity {
        /// When it is issued.
        issued: UnixTime,
        /// When it expires.
        expires: UnixTime,
    },
    /// A time is behind the year 9999.
    #[error("{0} is behind the year 9999")]
    Time(UnixTime),
    /// The threshold is not within 1 and the number of keys.
    #[error("the threshold {threshold} is not within 1 and the number of root keys, {keys}")]
    Threshold {
        /// The threshold.
        threshold: u8,
        /// The number of keys.
        keys: usize,
    },
    /// A list has too many items, or none where there must be one.
    #[error("{count} {list} are not within {min}..={max}")]
    Count {
        /// Which list.
        list: &'static str,
        /// How many items it has.
        count: usize,
        /// How few it may have.
        min: usize,
        /// How many it may have.
        max: usize,
    },
    /// A list has an item twice, or is not in ascending order.
    #[error("the {0} are not in ascending order without repetition")]
    Order(&'static str),
    /// The DER of an anchor's name or key is not as it must be.
    #[error("the {0} of an anchor is not valid")]
    Anchor(&'static str),
    /// A root key is also an anchor's key.
    #[error("the root key {0:.16} is also that of an anchor")]
    SharedKey(Digest),
    /// A key is both trusted and revoked.
    #[error("the key {0:.16} is trusted and revoked at once")]
    RevokedRoot(Digest),
    /// A platform or reason is empty.
    #[error("a platform or a reason is empty")]
    EmptyText,
    /// A name or text is not within its rule.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A counter is set to what no counter can be.
    #[error("{0} is no counter: they are within 1..={MAX_COUNTER}")]
    Counter(u64),
    /// A root key is not an uncompressed P-256 point.
    #[error("a root key is not an uncompressed P-256 point")]
    RootKey,
    /// A role has no such number.
    #[error("{0} is not the number of a role")]
    Role(u8),
    /// The version of the format is not known here.
    #[error("version {0} of the format is not known here")]
    Format(u64),
}

pub(crate) fn check_count(
    list: &'static str,
    count: usize,
    min: usize,
    max: usize,
) -> Result<(), ContentsError> {
    if (min..=max).contains(&count) {
        return Ok(());
    }
    Err(ContentsError::Count {
        list,
        count,
        min,
        max,
    })
}

pub(crate) fn check_ascending<T: Ord>(
    list: &'static str,
    items: &[T],
) -> Result<(), ContentsError> {
    if items.is_sorted_by(|a, b| a < b) {
        Ok(())
    } else {
        Err(ContentsError::Order(list))
    }
}
