//! A token bucket.

/// Lets so many things happen at once, and so many a second after that.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    per_second: u64,
    /// Thousandths of a token.
    capacity: u64,
    level: u64,
    at_ms: u64,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn new(per_second: u32, at_once: u32) -> Self {
        let capacity = u64::from(at_once).saturating_mul(1000);
        Self {
            per_second: per_second.into(),
            capacity,
            level: capacity,
            at_ms: 0,
        }
    }

    /// Takes a token, if there is one. A clock that goes back fills nothing.
    pub(crate) fn take(&mut self, at_ms: u64) -> bool {
        let elapsed = at_ms.saturating_sub(self.at_ms);
        self.at_ms = self.at_ms.max(at_ms);
        // A token per second is a thousandth of one per millisecond.
        let filled = elapsed.saturating_mul(self.per_second);
        self.level = self.level.saturating_add(filled).min(self.capacity);
        match self.level.checked_sub(1000) {
            Some(rest) => {
                self.level = rest;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_and_so_many_a_second() {
        let mut bucket = Bucket::new(10, 3);
        let taken = |bucket: &mut Bucket, at| (0..100).filter(|_| bucket.take(at)).count();
        assert_eq!(taken(&mut bucket, 5), 3);
        assert_eq!(taken(&mut bucket, 99), 0);
        assert_eq!(taken(&mut bucket, 205), 2);
        assert_eq!(taken(&mut bucket, 100), 0, "a clock that goes back");
        assert_eq!(taken(&mut bucket, u64::MAX), 3);
    }
}
