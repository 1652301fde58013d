//! What is remembered of an admitted object: its counter, and digests of what was claimed.

use alloc::vec::Vec;

use bpf_statement::{Claims, Name};
use platform_click::Digest;

use crate::Refusal;

/// Steps that a counter may take at once. More than any number of releases between two visits of a
/// machine; far less than what would exhaust the counter.
pub const MAX_COUNTER_JUMP: u64 = 1 << 16;

/// What the state holds of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The name in the statement.
    pub name: Name,
    /// The highest counter admitted, or what a trust bundle has set it to.
    pub counter: u64,
    /// What was admitted with it; `None` after a trust bundle has set the counter.
    pub admitted: Option<Admitted>,
}

/// Digests of what was admitted with a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// SHA-256 of the object file.
    pub object: Digest,
    /// SHA-256 of what was claimed of it: platform, slice, profile, and of each program name, kind
    /// and image (`docs/formats.md`, "State directory").
    pub claims: Digest,
}

impl Admitted {
    /// The digests of these claims.
    #[must_use]
    pub fn of(claims: &Claims) -> Self {
        Self {
            object: claims.object,
            claims: Digest::of(&encode(claims)),
        }
    }
}

impl Record {
    /// The record after an admission with `claims`.
    #[must_use]
    pub fn of(claims: &Claims) -> Self {
        Self {
            name: claims.name.clone(),
            counter: claims.counter,
            admitted: Some(Admitted::of(claims)),
        }
    }

    /// Whether `next` may follow this record.
    ///
    /// # Errors
    /// When the counter falls, rises too far, or stays although something else was admitted with it.
    pub(crate) fn precedes(&self, next: &Self) -> Result<(), Refusal> {
        let Some(step) = next.counter.checked_sub(self.counter) else {
            return Err(Refusal::Rollback {
                name: next.name.clone(),
                stored: self.counter,
                found: next.counter,
            });
        };
        if step > MAX_COUNTER_JUMP {
            return Err(Refusal::Jump {
                name: next.name.clone(),
                stored: self.counter,
                found: next.counter,
            });
        }
        match (self.admitted, next.admitted) {
            (Some(stored), Some(found)) if step == 0 => same(next, stored, found),
            _ => Ok(()),
        }
    }
}

fn same(next: &Record, stored: Admitted, found: Admitted) -> Result<(), Refusal> {
    if stored.object != found.object {
        return Err(Refusal::Equivocation {
            name: next.name.clone(),
            counter: next.counter,
            stored: stored.object,
            found: found.object,
        });
    }
    if stored.claims != found.claims {
        return Err(Refusal::WeakerStatement {
            name: next.name.clone(),
            counter: next.counter,
        });
    }
    Ok(())
}

/// Every part is of fixed length or preceded by its length, so that no two claims have one encoding.
fn encode(claims: &Claims) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(b"bpf-claims/1\0");
    put_text(&mut out, claims.platform.as_str());
    out.extend_from_slice(claims.slice.as_bytes());
    for (_, value) in claims.profile.options() {
        out.extend_from_slice(&value.to_le_bytes());
    }
    for program in &claims.programs {
        put_text(&mut out, program.name.as_str());
        out.push(program.kind.number());
        out.extend_from_slice(program.image.as_bytes());
    }
    out
}

/// Texts in statements have at most 127 bytes.
fn put_text(out: &mut Vec<u8>, text: &str) {
    out.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(text.as_bytes());
}
