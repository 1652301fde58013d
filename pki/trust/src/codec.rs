//! The CBOR of trust bundles (`docs/formats.md`).
//!
//! What is read is written again and compared, which leaves one encoding of each content: reading
//! itself need not mind lengths of integers, and a string of indefinite length is refused anyway.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::convert::Infallible;

use minicbor::data::{Tag, Type};
use minicbor::{Decoder, Encoder, encode};
use platform_click::Digest;

use crate::contents::{
    Anchor, ContentsError, CounterReset, MinEngine, MinEpoch, RootKeys, TrustContents,
};
use crate::limits::{
    MAX_ANCHORS, MAX_COUNTER_RESETS, MAX_ENGINES, MAX_MIN_EPOCHS, MAX_PLATFORMS, MAX_REVOKED,
    MAX_ROOT_KEYS, MAX_SIGNATURES,
};
use crate::{PublicKey, Role, TrustError, UnixTime};

/// Version of the format.
const FORMAT: u64 = 1;

/// COSE_Sign (RFC 9052, 4.1).
const COSE_SIGN: Tag = Tag::new(98);

/// COSE header parameters (RFC 9052, 3.1) and the algorithm ES256 (RFC 9053, 2.1).
const ALG: u8 = 1;
const CONTENT_TYPE: u8 = 3;
const KEY_ID: u8 = 4;
const ES256: i8 = -7;

const MEDIA_TYPE: &str = "application/vnd.bpfsign.trust+cbor";

/// Separates signatures on trust bundles from all others that the same key might make.
const EXTERNAL_AAD: &[u8] = b"bpf-trust/1";

type Writing = Result<(), encode::Error<Infallible>>;

/// The file before anything in it is believed.
pub(crate) struct File {
    pub(crate) payload: Vec<u8>,
    pub(crate) signatures: Vec<FileSignature>,
}

/// One signature, and the digest of the key that is said to have made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileSignature {
    pub(crate) key: Digest,
    pub(crate) signature: [u8; 64],
}

/// Why CBOR is not a trust bundle: what was read when it went wrong, or a rule about content.
enum Reject {
    Format(&'static str),
    Content(ContentsError),
}

type Read<T> = Result<T, Reject>;

impl From<ContentsError> for Reject {
    fn from(error: ContentsError) -> Self {
        Self::Content(error)
    }
}

impl From<Reject> for TrustError {
    fn from(reject: Reject) -> Self {
        match reject {
            Reject::Format(what) => Self::BundleFormat(what),
            Reject::Content(error) => Self::BundleContent(error),
        }
    }
}

/// The bytes that a root key signs: Sig_structure of RFC 9052, 4.4.
pub(crate) fn to_be_signed(payload: &[u8], key: Digest) -> Vec<u8> {
    write(|e| {
        e.array(5)?.str("Signature")?;
        e.bytes(&body_header())?.bytes(&signer_header(key))?;
        e.bytes(EXTERNAL_AAD)?.bytes(payload)?.ok()
    })
}

pub(crate) fn write_file(file: &File) -> Vec<u8> {
    write(|e| {
        e.tag(COSE_SIGN)?.array(4)?;
        e.bytes(&body_header())?.map(0)?.bytes(&file.payload)?;
        list(e, &file.signatures, |e, entry| {
            e.array(3)?.bytes(&signer_header(entry.key))?;
            e.map(0)?.bytes(&entry.signature)?.ok()
        })
    })
}

pub(crate) fn read_file(bytes: &[u8]) -> Result<File, TrustError> {
    let file = file(&mut Decoder::new(bytes))?;
    if write_file(&file) != bytes {
        return Err(TrustError::BundleFormat("not in deterministic encoding"));
    }
    Ok(file)
}

pub(crate) fn write_contents(contents: &TrustContents) -> Vec<u8> {
    write(|e| {
        e.map(14)?;
        e.u8(0)?.u64(FORMAT)?;
        e.u8(1)?.u64(contents.version)?;
        e.u8(2)?.u64(contents.issued.as_secs())?;
        e.u8(3)?.u64(contents.expires.as_secs())?;
        e.u8(4)?.u8(contents.root_keys.threshold())?;
        list(e.u8(5)?, contents.root_keys.keys(), |e, key| {
            e.bytes(key.as_sec1())?.ok()
        })?;
        list(e.u8(6)?, &contents.anchors, |e, anchor| {
            e.array(3)?.bytes(anchor.name_der())?;
            e.bytes(&anchor.key().to_spki_der())?;
            list(e, anchor.roles(), |e, role| e.u8(role.number())?.ok())
        })?;
        list(e.u8(7)?, &contents.min_epochs, |e, entry| {
            e.array(2)?.bytes(entry.ca.as_bytes())?;
            e.u64(entry.epoch)?.ok()
        })?;
        list(e.u8(8)?, &contents.revoked, |e, key| {
            e.bytes(key.as_bytes())?.ok()
        })?;
        list(e.u8(9)?, &contents.platforms, |e, name| e.str(name)?.ok())?;
        list(e.u8(10)?, &contents.min_engines, |e, entry| {
            e.array(2)?.str(&entry.name)?;
            e.str(&entry.version.to_string())?.ok()
        })?;
        list(e.u8(11)?, &contents.counter_resets, |e, reset| {
            e.array(3)?.str(&reset.name)?;
            e.u64(reset.to)?.str(&reset.reason)?.ok()
        })?;
        e.u8(12)?.bool(contents.accepts_fuel)?.u8(13)?;
        match contents.time_floor {
            Some(time) => e.u64(time.as_secs())?.ok(),
            None => e.null()?.ok(),
        }
    })
}

pub(crate) fn read_contents(bytes: &[u8]) -> Result<TrustContents, TrustError> {
    let contents = contents(&mut Decoder::new(bytes))?;
    contents.check().map_err(TrustError::BundleContent)?;
    if write_contents(&contents) != bytes {
        return Err(TrustError::BundleFormat("not in deterministic encoding"));
    }
    Ok(contents)
}

fn write(fill: impl FnOnce(&mut Encoder<Vec<u8>>) -> Writing) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    fill(&mut encoder).expect("writing to a vector cannot fail");
    encoder.into_writer()
}

fn list<T>(
    e: &mut Encoder<Vec<u8>>,
    items: &[T],
    mut item: impl FnMut(&mut Encoder<Vec<u8>>, &T) -> Writing,
) -> Writing {
    // A `usize` has at most 64 bits.
    e.array(items.len().try_into().unwrap_or(u64::MAX))?;
    items.iter().try_for_each(|each| item(e, each))
}

fn body_header() -> Vec<u8> {
    write(|e| e.map(1)?.u8(CONTENT_TYPE)?.str(MEDIA_TYPE)?.ok())
}

fn signer_header(key: Digest) -> Vec<u8> {
    write(|e| {
        e.map(2)?.u8(ALG)?.i8(ES256)?;
        e.u8(KEY_ID)?.bytes(key.as_bytes())?.ok()
    })
}

fn file(d: &mut Decoder<'_>) -> Read<File> {
    let tag = d.tag().map_err(|_| Reject::Format("the COSE_Sign tag"))?;
    if tag != COSE_SIGN {
        return Err(Reject::Format("the COSE_Sign tag"));
    }
    array(d, 4, "the COSE_Sign array")?;
    if bytes(d, "the protected header")? != body_header() {
        return Err(Reject::Format("the protected header"));
    }
    empty_map(d)?;
    let payload = bytes(d, "the payload")?.to_vec();
    let signatures = items(d, "signatures", MAX_SIGNATURES, |d| {
        array(d, 3, "a signature")?;
        let key = signer(bytes(d, "a signer's header")?)?;
        empty_map(d)?;
        let signature = sized(d, "a signature of 64 bytes")?;
        Ok(FileSignature { key, signature })
    })?;
    Ok(File {
        payload,
        signatures,
    })
}

/// The key in a signer's header. Whatever else differs shows when the header is written again.
fn signer(header: &[u8]) -> Read<Digest> {
    let d = &mut Decoder::new(header);
    let is_es256 = matches!(d.map(), Ok(Some(2)))
        && matches!(d.u8(), Ok(ALG))
        && matches!(d.i8(), Ok(ES256))
        && matches!(d.u8(), Ok(KEY_ID));
    if !is_es256 {
        return Err(Reject::Format("a signer's header"));
    }
    digest(d)
}

fn contents(d: &mut Decoder<'_>) -> Read<TrustContents> {
    match d.map() {
        Ok(Some(14)) => {}
        _ => return Err(Reject::Format("the map of 14 fields")),
    }
    key(d, 0)?;
    if number(d)? != FORMAT {
        return Err(Reject::Format("the version of the format"));
    }
    Ok(TrustContents {
        version: after(d, 1, number)?,
        issued: after(d, 2, time)?,
        expires: after(d, 3, time)?,
        root_keys: root_keys(d)?,
        anchors: after(d, 6, |d| items(d, "anchors", MAX_ANCHORS, anchor))?,
        min_epochs: after(d, 7, |d| {
            items(d, "lowest epochs", MAX_MIN_EPOCHS, min_epoch)
        })?,
        revoked: after(d, 8, |d| items(d, "revoked keys", MAX_REVOKED, digest))?,
        platforms: after(d, 9, |d| items(d, "platforms", MAX_PLATFORMS, text))?,
        min_engines: after(d, 10, |d| {
            items(d, "verifier engines", MAX_ENGINES, min_engine)
        })?,
        counter_resets: after(d, 11, |d| {
            items(d, "counter resets", MAX_COUNTER_RESETS, counter_reset)
        })?,
        accepts_fuel: after(d, 12, |d| d.bool().map_err(|_| Reject::Format("a boolean")))?,
        time_floor: after(d, 13, optional_time)?,
    })
}

fn root_keys(d: &mut Decoder<'_>) -> Read<RootKeys> {
    let threshold = after(d, 4, number)?;
    let threshold = u8::try_from(threshold).map_err(|_| Reject::Format("the threshold"))?;
    let keys = after(d, 5, |d| {
        items(d, "root keys", MAX_ROOT_KEYS, |d| {
            PublicKey::from_sec1(bytes(d, "a root key")?).ok_or(Reject::Format("a root key"))
        })
    })?;
    Ok(RootKeys::new(threshold, keys)?)
}

fn anchor(d: &mut Decoder<'_>) -> Read<Anchor> {
    array(d, 3, "an anchor")?;
    let name = bytes(d, "the name of an anchor")?;
    let key = PublicKey::from_spki_der(bytes(d, "the key of an anchor")?)
        .ok_or(ContentsError::Anchor("key"))?;
    let roles = items(d, "roles of an anchor", Role::ALL.len(), |d| {
        let number = u8::try_from(number(d)?).ok();
        number
            .and_then(Role::from_number)
            .ok_or(Reject::Format("a role"))
    })?;
    Ok(Anchor::new(name, key, roles)?)
}

fn min_epoch(d: &mut Decoder<'_>) -> Read<MinEpoch> {
    array(d, 2, "a lowest epoch")?;
    Ok(MinEpoch {
        ca: digest(d)?,
        epoch: number(d)?,
    })
}

fn min_engine(d: &mut Decoder<'_>) -> Read<MinEngine> {
    array(d, 2, "a verifier engine")?;
    Ok(MinEngine {
        name: text(d)?,
        version: text(d)?
            .parse()
            .map_err(|_| Reject::Format("the version of an engine"))?,
    })
}

fn counter_reset(d: &mut Decoder<'_>) -> Read<CounterReset> {
    array(d, 3, "a counter reset")?;
    Ok(CounterReset {
        name: text(d)?,
        to: number(d)?,
        reason: text(d)?,
    })
}

fn optional_time(d: &mut Decoder<'_>) -> Read<Option<UnixTime>> {
    if matches!(d.datatype(), Ok(Type::Null)) {
        return d.null().map(|()| None).map_err(|_| Reject::Format("null"));
    }
    time(d).map(Some)
}

/// The value after the key `number`.
fn after<'b, T>(
    d: &mut Decoder<'b>,
    number: u64,
    value: impl FnOnce(&mut Decoder<'b>) -> Read<T>,
) -> Read<T> {
    key(d, number)?;
    value(d)
}

fn key(d: &mut Decoder<'_>, expected: u64) -> Read<()> {
    if number(d)? == expected {
        Ok(())
    } else {
        Err(Reject::Format("the key of a field"))
    }
}

/// A list of at most `max` items; the length is checked before anything is read or kept.
fn items<'b, T>(
    d: &mut Decoder<'b>,
    list: &'static str,
    max: usize,
    mut item: impl FnMut(&mut Decoder<'b>) -> Read<T>,
) -> Read<Vec<T>> {
    let length = d.array().ok().flatten().ok_or(Reject::Format(list))?;
    let count = usize::try_from(length).unwrap_or(usize::MAX);
    if count > max {
        return Err(Reject::Content(ContentsError::Count {
            list,
            count,
            min: 0,
            max,
        }));
    }
    (0..count).map(|_| item(d)).collect()
}

fn array(d: &mut Decoder<'_>, length: u64, what: &'static str) -> Read<()> {
    match d.array() {
        Ok(Some(found)) if found == length => Ok(()),
        _ => Err(Reject::Format(what)),
    }
}

fn empty_map(d: &mut Decoder<'_>) -> Read<()> {
    match d.map() {
        Ok(Some(0)) => Ok(()),
        _ => Err(Reject::Format("the unprotected header, which is empty")),
    }
}

fn bytes<'b>(d: &mut Decoder<'b>, what: &'static str) -> Read<&'b [u8]> {
    d.bytes().map_err(|_| Reject::Format(what))
}

fn sized<const N: usize>(d: &mut Decoder<'_>, what: &'static str) -> Read<[u8; N]> {
    bytes(d, what)?.try_into().map_err(|_| Reject::Format(what))
}

fn digest(d: &mut Decoder<'_>) -> Read<Digest> {
    sized(d, "a digest").map(Digest::from_bytes)
}

fn number(d: &mut Decoder<'_>) -> Read<u64> {
    d.u64().map_err(|_| Reject::Format("a number"))
}

fn time(d: &mut Decoder<'_>) -> Read<UnixTime> {
    number(d).map(UnixTime::from_secs)
}

fn text(d: &mut Decoder<'_>) -> Read<String> {
    d.str()
        .map(String::from)
        .map_err(|_| Reject::Format("a text"))
}
