//! The store: two slots, each with a whole state and its digest.
//!
//! A change is written to the slot with the older state, so a write that is cut off (loss of power,
//! a full disk) leaves the newer state as it was. `docs/formats.md`, "State directory", has the
//! layout.

use alloc::vec::Vec;

use bpf_statement::{InstanceId, Name, UnixTime};
use platform_click::Digest;

use crate::audit::AuditHead;
use crate::record::{Admitted, Record};
use crate::snapshot::{MAX_RECORDS, Snapshot, TrustId};

/// Bytes of a slot: the unit that disks and file systems write.
pub const SLOT_SIZE: usize = 4096;

/// Bytes of a store.
pub const STORE_SIZE: usize = 2 * SLOT_SIZE;

/// Why bytes are not a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The length is wrong.
    #[error("{0} bytes instead of {STORE_SIZE}")]
    Size(usize),
    /// Neither slot holds a state with its digest.
    #[error("neither slot holds a valid state")]
    NoValidSlot,
    /// The slots hold states that do not follow each other.
    #[error("the slots hold states that do not follow each other")]
    Unrelated,
}

/// One of the two slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// At the start of the store.
    First,
    /// Behind it.
    Second,
}

impl Slot {
    /// Where it starts in the store, in bytes.
    #[must_use]
    pub const fn offset(self) -> usize {
        match self {
            Self::First => 0,
            Self::Second => SLOT_SIZE,
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// The newest state in a store, and the slot that it is in; the next goes into the other.
///
/// # Errors
/// When the store has another length, no valid slot, or two slots of different stores.
pub fn read_store(store: &[u8]) -> Result<(Snapshot, Slot), StoreError> {
    let size = StoreError::Size(store.len());
    let (first, second) = store.split_at_checked(SLOT_SIZE).ok_or(size)?;
    if second.len() != SLOT_SIZE {
        return Err(size);
    }
    match (decode_slot(first), decode_slot(second)) {
        (Some(first), Some(second)) => newer(first, second),
        (Some(first), None) => Ok((first, Slot::First)),
        (None, Some(second)) => Ok((second, Slot::Second)),
        (None, None) => Err(StoreError::NoValidSlot),
    }
}

/// Two valid slots are of one state, one change apart.
fn newer(first: Snapshot, second: Snapshot) -> Result<(Snapshot, Slot), StoreError> {
    if follows(&first, &second) {
        Ok((second, Slot::Second))
    } else if follows(&second, &first) {
        Ok((first, Slot::First))
    } else {
        Err(StoreError::Unrelated)
    }
}

/// Whether one state can be the next of another. Other root keys come with a newer trust bundle only.
fn follows(before: &Snapshot, after: &Snapshot) -> bool {
    before.instance == after.instance
        && before.generation.checked_add(1) == Some(after.generation)
        && (before.pinned == after.pinned || before.trust.version < after.trust.version)
}

/// The store of a new state: the second slot is empty.
#[must_use]
pub fn new_store(state: &Snapshot) -> Vec<u8> {
    let mut store = encode_slot(state);
    store.resize(STORE_SIZE, 0);
    store
}

/// A slot with this state: [`SLOT_SIZE`] bytes.
#[must_use]
pub fn encode_slot(state: &Snapshot) -> Vec<u8> {
    let mut out = Vec::with_capacity(SLOT_SIZE);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&state.generation.to_le_bytes());
    out.extend_from_slice(&state.instance.0);
    out.extend_from_slice(state.pinned.as_bytes());
    out.extend_from_slice(&state.trust.version.to_le_bytes());
    out.extend_from_slice(state.trust.digest.as_bytes());
    out.extend_from_slice(&state.time_floor.as_secs().to_le_bytes());
    out.extend_from_slice(&state.audit.lines.to_le_bytes());
    out.extend_from_slice(&state.audit.bytes.to_le_bytes());
    out.extend_from_slice(state.audit.hash.as_bytes());
    // At most `MAX_RECORDS`, which fit.
    out.push(u8::try_from(state.records.len()).unwrap_or(u8::MAX));
    for record in &state.records {
        put_record(&mut out, record);
    }
    out.resize(CONTENT_SIZE, 0);
    let digest = Digest::of(&out);
    out.extend_from_slice(digest.as_bytes());
    out
}

fn put_record(out: &mut Vec<u8>, record: &Record) {
    let name = record.name.as_str().as_bytes();
    // At most `Name::MAX_LEN`.
    out.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(name);
    out.extend(core::iter::repeat_n(
        0,
        Name::MAX_LEN.saturating_sub(name.len()),
    ));
    out.extend_from_slice(&record.counter.to_le_bytes());
    let admitted = record.admitted.unwrap_or(NOTHING);
    out.extend_from_slice(admitted.object.as_bytes());
    out.extend_from_slice(admitted.claims.as_bytes());
}

/// The state in a slot; `None` for everything but what [`encode_slot`] writes.
fn decode_slot(slot: &[u8]) -> Option<Snapshot> {
    let mut input = slot.strip_prefix(MAGIC)?;
    let input = &mut input;
    let state = Snapshot {
        generation: u64::from_le_bytes(take(input)?),
        instance: InstanceId(take(input)?),
        pinned: Digest::from_bytes(take(input)?),
        trust: TrustId {
            version: u64::from_le_bytes(take(input)?),
            digest: Digest::from_bytes(take(input)?),
        },
        time_floor: UnixTime::from_secs(u64::from_le_bytes(take(input)?)),
        audit: AuditHead {
            lines: u64::from_le_bytes(take(input)?),
            bytes: u64::from_le_bytes(take(input)?),
            hash: Digest::from_bytes(take(input)?),
        },
        records: take_records(input)?,
    };
    // The digest, and that there is nothing in the padding: the same bytes come out again.
    (encode_slot(&state) == slot).then_some(state)
}

fn take_records(input: &mut &[u8]) -> Option<Vec<Record>> {
    let [count] = take(input)?;
    let count = usize::from(count);
    if count > MAX_RECORDS {
        return None;
    }
    let records: Vec<Record> = (0..count)
        .map(|_| take_record(input))
        .collect::<Option<_>>()?;
    let ascending = records.is_sorted_by(|a, b| a.name < b.name);
    ascending.then_some(records)
}

fn take_record(input: &mut &[u8]) -> Option<Record> {
    let [len] = take(input)?;
    let name: [u8; Name::MAX_LEN] = take(input)?;
    let name = name.get(..usize::from(len))?;
    let name = Name::new(str::from_utf8(name).ok()?).ok()?;
    let counter = u64::from_le_bytes(take(input)?);
    let admitted = Admitted {
        object: Digest::from_bytes(take(input)?),
        claims: Digest::from_bytes(take(input)?),
    };
    Some(Record {
        name,
        counter,
        admitted: (admitted != NOTHING).then_some(admitted),
    })
}

fn take<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = input.split_first_chunk()?;
    *input = rest;
    Some(*taken)
}

const MAGIC: &[u8] = b"bpf-store/1\0";

/// Bytes of a slot before its digest.
const CONTENT_SIZE: usize = 4096 - 32;

/// Zeros stand for a record without digests; no SHA-256 of anything known is zero.
const NOTHING: Admitted = Admitted {
    object: Digest::from_bytes([0; 32]),
    claims: Digest::from_bytes([0; 32]),
};

// The fields before the records, and as many records as there may be, fit.
const _: () = {
    const FIELDS: usize = 12 + 8 + 16 + 32 + (8 + 32) + 8 + (8 + 8 + 32) + 1;
    const RECORD: usize = 1 + Name::MAX_LEN + 8 + 32 + 32;
    assert!(FIELDS + MAX_RECORDS * RECORD <= CONTENT_SIZE && CONTENT_SIZE + 32 == SLOT_SIZE);
};
