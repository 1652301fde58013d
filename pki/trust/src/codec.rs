//! The content of trust bundles in CBOR (`docs/formats.md`).

use alloc::vec::Vec;

use bpf_statement::cbor::{CborError, Reader, Writer, expect_same};
use bpf_statement::{Name, Text, UnixTime, Version};

use crate::limits::{
    MAX_ANCHORS, MAX_COUNTER_RESETS, MAX_ENGINES, MAX_MIN_EPOCHS, MAX_PLATFORMS, MAX_REVOKED,
    MAX_ROOT_KEYS,
};
use crate::{
    Anchor, ContentsError, CounterReset, MinEngine, MinEpoch, PublicKey, Role, RootKeys,
    TrustContents, TrustError,
};

/// Version of the format of the content.
const FORMAT: u64 = 1;

/// Fields of a trust bundle.
const FIELDS: u64 = 14;

impl From<CborError> for TrustError {
    fn from(error: CborError) -> Self {
        Self::BundleCbor(error)
    }
}

impl From<ContentsError> for TrustError {
    fn from(error: ContentsError) -> Self {
        Self::BundleContent(error)
    }
}

pub(crate) fn write_contents(contents: &TrustContents) -> Vec<u8> {
    let mut out = Writer::default();
    out.map(FIELDS);
    out.u64(1).u64(FORMAT);
    out.u64(2).u64(contents.version);
    out.u64(3).u64(contents.issued.as_secs());
    out.u64(4).u64(contents.expires.as_secs());
    out.u64(5).u64(contents.root_keys.threshold().into());
    out.u64(6).list(contents.root_keys.keys(), |out, key| {
        out.bytes(key.as_sec1());
    });
    out.u64(7).list(&contents.anchors, write_anchor);
    out.u64(8).list(&contents.min_epochs, |out, entry| {
        out.array(2).digest(&entry.ca).u64(entry.epoch);
    });
    out.u64(9).list(&contents.revoked, |out, key| {
        out.digest(key);
    });
    out.u64(10).list(&contents.platforms, |out, platform| {
        out.text(platform.as_str());
    });
    out.u64(11).list(&contents.min_engines, write_min_engine);
    out.u64(12).list(&contents.counter_resets, |out, reset| {
        out.array(3).text(reset.name.as_str());
        out.u64(reset.to).text(reset.reason.as_str());
    });
    out.u64(13).bool(contents.accepts_fuel);
    out.u64(14)
        .optional(contents.time_floor, |out, time| out.u64(time.as_secs()));
    out.into_bytes()
}

fn write_anchor(out: &mut Writer, anchor: &Anchor) {
    out.array(3).bytes(anchor.name_der());
    out.bytes(&anchor.key().to_spki_der());
    out.list(anchor.roles(), |out, role| {
        out.u64(role.number().into());
    });
}

fn write_min_engine(out: &mut Writer, entry: &MinEngine) {
    let Version {
        major,
        minor,
        patch,
    } = entry.version;
    out.array(2).text(entry.name.as_str()).array(3);
    out.u64(major.into()).u64(minor.into()).u64(patch.into());
}

pub(crate) fn read_contents(bytes: &[u8]) -> Result<TrustContents, TrustError> {
    let mut reader = Reader::new(bytes);
    let contents = contents(&mut reader)?;
    reader.end()?;
    contents.check()?;
    expect_same(bytes, &write_contents(&contents))?;
    Ok(contents)
}

fn contents(reader: &mut Reader<'_>) -> Result<TrustContents, TrustError> {
    reader.map(FIELDS)?;
    let format = field(reader, 1, number)?;
    if format != FORMAT {
        return Err(ContentsError::Format(format).into());
    }
    Ok(TrustContents {
        version: field(reader, 2, number)?,
        issued: field(reader, 3, time)?,
        expires: field(reader, 4, time)?,
        root_keys: root_keys(reader)?,
        anchors: field(reader, 7, |reader| reader.list(MAX_ANCHORS, anchor))?,
        min_epochs: field(reader, 8, |reader| reader.list(MAX_MIN_EPOCHS, min_epoch))?,
        revoked: field(reader, 9, |reader| {
            reader.list(MAX_REVOKED, |reader| Ok::<_, TrustError>(reader.digest()?))
        })?,
        platforms: field(reader, 10, |reader| reader.list(MAX_PLATFORMS, text))?,
        min_engines: field(reader, 11, |reader| reader.list(MAX_ENGINES, min_engine))?,
        counter_resets: field(reader, 12, |reader| {
            reader.list(MAX_COUNTER_RESETS, counter_reset)
        })?,
        accepts_fuel: field(reader, 13, |reader| Ok(reader.bool()?))?,
        time_floor: field(reader, 14, |reader| reader.optional(time))?,
    })
}

/// The value after `key`.
fn field<'a, T>(
    reader: &mut Reader<'a>,
    key: i64,
    value: impl FnOnce(&mut Reader<'a>) -> Result<T, TrustError>,
) -> Result<T, TrustError> {
    reader.key(key)?;
    value(reader)
}

fn root_keys(reader: &mut Reader<'_>) -> Result<RootKeys, TrustError> {
    let threshold = field(reader, 5, |reader| Ok(reader.u8()?))?;
    let keys = field(reader, 6, |reader| {
        reader.list(MAX_ROOT_KEYS, |reader| {
            let key = PublicKey::from_sec1(reader.bytes()?);
            key.ok_or(TrustError::BundleContent(ContentsError::RootKey))
        })
    })?;
    Ok(RootKeys::new(threshold, keys)?)
}

fn anchor(reader: &mut Reader<'_>) -> Result<Anchor, TrustError> {
    reader.array(3)?;
    let name = reader.bytes()?;
    let key = PublicKey::from_spki_der(reader.bytes()?).ok_or(ContentsError::Anchor("key"))?;
    let roles = reader.list(Role::ALL.len(), role)?;
    Ok(Anchor::new(name, key, roles)?)
}

fn role(reader: &mut Reader<'_>) -> Result<Role, TrustError> {
    let number = reader.u8()?;
    let role = Role::from_number(number);
    role.ok_or(TrustError::BundleContent(ContentsError::Role(number)))
}

fn min_epoch(reader: &mut Reader<'_>) -> Result<MinEpoch, TrustError> {
    reader.array(2)?;
    let ca = reader.digest()?;
    let epoch = reader.u64()?;
    Ok(MinEpoch { ca, epoch })
}

fn min_engine(reader: &mut Reader<'_>) -> Result<MinEngine, TrustError> {
    reader.array(2)?;
    let name = name(reader)?;
    reader.array(3)?;
    let version = Version {
        major: reader.u32()?,
        minor: reader.u32()?,
        patch: reader.u32()?,
    };
    Ok(MinEngine { name, version })
}

fn counter_reset(reader: &mut Reader<'_>) -> Result<CounterReset, TrustError> {
    reader.array(3)?;
    Ok(CounterReset {
        name: name(reader)?,
        to: number(reader)?,
        reason: text(reader)?,
    })
}

fn number(reader: &mut Reader<'_>) -> Result<u64, TrustError> {
    Ok(reader.u64()?)
}

fn time(reader: &mut Reader<'_>) -> Result<UnixTime, TrustError> {
    Ok(UnixTime::from_secs(reader.u64()?))
}

fn name(reader: &mut Reader<'_>) -> Result<Name, TrustError> {
    Ok(Name::new(reader.text()?).map_err(ContentsError::Text)?)
}

fn text(reader: &mut Reader<'_>) -> Result<Text, TrustError> {
    Ok(Text::new(reader.text()?).map_err(ContentsError::Text)?)
}
