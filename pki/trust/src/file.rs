//! The file of a trust bundle: COSE_Sign (RFC 9052, 4.1) in the one form that is allowed.

use alloc::vec::Vec;

use bpf_statement::SIGNATURE_SIZE;
use bpf_statement::cbor::{CborError, Reader, Writer, expect_same};
use platform_click::Digest;

use crate::limits::MAX_SIGNATURES;

/// The file before anything in it is believed.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) payload: Vec<u8>,
    pub(crate) signatures: Vec<FileSignature>,
}

/// One signature, and the digest of the key that is said to have made it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileSignature {
    pub(crate) key: Digest,
    pub(crate) signature: [u8; SIGNATURE_SIZE],
}

impl File {
    /// The bytes that `key` signs: Sig_structure of RFC 9052, 4.4.
    pub(crate) fn to_be_signed(&self, key: &Digest) -> Vec<u8> {
        let mut out = Writer::default();
        out.array(5).text("Signature");
        out.bytes(&body_header()).bytes(&signer_header(key));
        out.bytes(EXTERNAL_AAD).bytes(&self.payload);
        out.into_bytes()
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.tag(COSE_SIGN).array(4);
        out.bytes(&body_header()).map(0).bytes(&self.payload);
        out.list(&self.signatures, |out, entry| {
            out.array(3).bytes(&signer_header(&entry.key));
            out.map(0).bytes(&entry.signature);
        });
        out.into_bytes()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CborError> {
        let mut reader = Reader::new(bytes);
        reader.tag(COSE_SIGN, "the tag 98 of COSE_Sign")?;
        reader.array(4)?;
        reader.bytes()?; // The header has one value: it is compared below.
        reader.map(0)?;
        let payload = reader.bytes()?.to_vec();
        let signatures = reader.list(MAX_SIGNATURES, signature)?;
        reader.end()?;
        let file = Self {
            payload,
            signatures,
        };
        expect_same(bytes, &file.encode())?;
        Ok(file)
    }
}

fn signature(reader: &mut Reader<'_>) -> Result<FileSignature, CborError> {
    reader.array(3)?;
    let mut header = Reader::new(reader.bytes()?);
    header.map(2)?;
    header.key(ALG)?;
    header.i64()?; // The algorithm has one value: it is compared when the file is encoded again.
    header.key(KID)?;
    let key = header.digest()?;
    reader.map(0)?;
    let offset = reader.offset();
    let signature = reader.bytes()?.try_into();
    let signature = signature.map_err(|_| CborError::Item {
        offset,
        expected: "a signature of 64 bytes",
    })?;
    Ok(FileSignature { key, signature })
}

fn body_header() -> Vec<u8> {
    let mut out = Writer::default();
    out.map(1).i64(CONTENT_TYPE).text(MEDIA_TYPE);
    out.into_bytes()
}

fn signer_header(key: &Digest) -> Vec<u8> {
    let mut out = Writer::default();
    out.map(2).i64(ALG).i64(ES256).i64(KID).digest(key);
    out.into_bytes()
}

/// CBOR tag of COSE_Sign (RFC 9052, 2).
const COSE_SIGN: u64 = 98;
/// Header parameters (RFC 9052, 3.1).
const ALG: i64 = 1;
const CONTENT_TYPE: i64 = 3;
const KID: i64 = 4;
/// ECDSA with SHA-256 (RFC 9053, 2.1).
const ES256: i64 = -7;
const MEDIA_TYPE: &str = "application/vnd.bpfsign.trust+cbor";
/// Separates signatures on trust bundles from all others (RFC 9052, 4.3).
const EXTERNAL_AAD: &[u8] = b"bpfsign/v1 trust";
