//! The keys that sign trust bundles.

use alloc::vec;
use alloc::vec::Vec;

use platform_click::Digest;

use crate::PublicKey;
use crate::contents_error::{ContentsError, check_ascending, check_count};
use crate::limits::MAX_ROOT_KEYS;

/// Keys that sign trust bundles, 1 to 8 of them, and how many of them must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootKeys {
    threshold: u8,
    keys: Vec<PublicKey>,
}

impl RootKeys {
    /// These keys, of which `threshold` must sign.
    ///
    /// # Errors
    /// When there are no keys, too many or one twice, or when the threshold cannot be met.
    pub fn new(threshold: u8, mut keys: Vec<PublicKey>) -> Result<Self, ContentsError> {
        keys.sort();
        check_count("root keys", keys.len(), 1, MAX_ROOT_KEYS)?;
        check_ascending("root keys", &keys)?;
        if !(1..=keys.len()).contains(&usize::from(threshold)) {
            return Err(ContentsError::Threshold {
                threshold,
                keys: keys.len(),
            });
        }
        Ok(Self { threshold, keys })
    }

    /// How many of the keys must sign.
    #[must_use]
    pub const fn threshold(&self) -> u8 {
        self.threshold
    }

    /// The keys, in the order of their encoded points.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// SHA-256 of threshold and keys: a byte, then the points of the keys in SEC 1.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut input = vec![self.threshold];
        for key in &self.keys {
            input.extend_from_slice(key.as_sec1());
        }
        Digest::of(&input)
    }
}
