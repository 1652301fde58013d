//! COSE_Sign1 (RFC 9052) reduced to the one form that is allowed here.

use alloc::vec::Vec;

use platform_click::Code;

use crate::cbor::{CborError, Reader, Writer, expect_same};
use crate::codes;

/// What a signed message is for. A signature made for one purpose never verifies for another: the
/// content type is in the protected header, and `external_aad` in what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// A statement about an object, by a verifier.
    Statement,
    /// A message to an instance, by an operator.
    Control,
    /// A message about what an instance runs, by the instance.
    Evidence,
    /// The answer to a control message, by the instance.
    ControlReply,
}

/// Certificates in a message that is signed by a leaf: the leaf and its CA. The depth is fixed, so
/// that no path has to be searched for.
pub const CHAIN_LENGTH: usize = 2;

/// Bytes of one certificate: usual ones have less than 500, a leaf with long names and eight name
/// prefixes in its scope about 1,300.
pub const MAX_CERTIFICATE_SIZE: usize = 2048;

/// Bytes of a signature: r and s (RFC 9053, 2.1).
pub const SIGNATURE_SIZE: usize = 64;

impl Purpose {
    /// Every purpose.
    pub const ALL: &'static [Self] = &[
        Self::Statement,
        Self::Control,
        Self::Evidence,
        Self::ControlReply,
    ];

    /// The content type in the protected header.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Statement => "application/vnd.bpfsign.statement+cbor",
            Self::Control => "application/vnd.bpfsign.control+cbor",
            Self::Evidence => "application/vnd.bpfsign.evidence+cbor",
            Self::ControlReply => "application/vnd.bpfsign.control-reply+cbor",
        }
    }

    /// The application's part of what is signed (RFC 9052, 4.3).
    #[must_use]
    pub const fn external_aad(self) -> &'static str {
        match self {
            Self::Statement => "bpfsign/v1 statement",
            Self::Control => "bpfsign/v1 control",
            Self::Evidence => "bpfsign/v1 evidence",
            Self::ControlReply => "bpfsign/v1 control-reply",
        }
    }

    /// Bytes of a whole message at most. A statement about an object with eight programs, in which
    /// every list is full, takes 24 KiB with its certificates; ordinary ones stay below 2 KiB.
    #[must_use]
    pub const fn max_size(self) -> usize {
        match self {
            Self::Statement | Self::Control | Self::Evidence | Self::ControlReply => 32 << 10,
        }
    }
}

/// Why bytes are not a signed message of the purpose expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Sign1Error {
    /// The message is longer than its purpose allows.
    #[error("{size} bytes are more than the {max} allowed")]
    Size {
        /// Bytes.
        size: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The bytes are not the CBOR expected.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// The protected header is not the CBOR expected; offsets count from its start.
    #[error("protected header")]
    Header(#[source] CborError),
    /// There is something in the unprotected header.
    #[error("the unprotected header has {0} entries instead of none")]
    Unprotected(u64),
    /// The algorithm is another than ES256 (−7).
    #[error("COSE algorithm {0} instead of -7 (ES256)")]
    Algorithm(i64),
    /// The content type is that of another message.
    #[error("the content type is not `{0}`")]
    ContentType(&'static str),
    /// There are more or fewer certificates than two.
    #[error("{0} certificates instead of {CHAIN_LENGTH}")]
    CertificateCount(u64),
    /// A certificate is empty or too long.
    #[error("a certificate of {0} bytes is not within 1..={MAX_CERTIFICATE_SIZE}")]
    CertificateSize(usize),
    /// The signature has another length.
    #[error("a signature of {0} bytes instead of {SIGNATURE_SIZE}")]
    SignatureSize(usize),
}

impl Sign1Error {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Size { .. } => codes::SIZE,
            Self::Cbor(_) | Self::Header(_) => codes::ENCODING,
            Self::Unprotected(_) => codes::UNPROTECTED,
            Self::Algorithm(_) => codes::ALGORITHM,
            Self::ContentType(_) => codes::PURPOSE,
            Self::CertificateCount(_) | Self::CertificateSize(_) => codes::CERTIFICATES,
            Self::SignatureSize(_) => codes::SIGNATURE_SIZE,
        }
    }
}

/// The certificates of a signer (x5chain, RFC 9360), in DER; part of what is signed. They are bounded
/// in size, and nothing else is said about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain<'a> {
    /// The certificate whose key signed.
    pub leaf: &'a [u8],
    /// The certificate of the CA that issued it.
    pub ca: &'a [u8],
}

/// A signed message of the right form. Its signature is **not** verified: that takes a key, which
/// `bpf-trust` has. Nothing in the payload may be read before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sign1<'a> {
    purpose: Purpose,
    protected: &'a [u8],
    chain: Chain<'a>,
    payload: &'a [u8],
    signature: &'a [u8; SIGNATURE_SIZE],
}

impl<'a> Sign1<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// The first property of the form (`docs/formats.md`, "Signed messages") that does not hold.
    pub fn parse(purpose: Purpose, bytes: &'a [u8]) -> Result<Self, Sign1Error> {
        check_size(purpose, bytes.len())?;
        let mut reader = Reader::new(bytes);
        reader.tag(TAG, "the tag 18 of COSE_Sign1")?;
        reader.array(4)?;
        let protected = reader.bytes()?;
        let unprotected = reader.map_head()?;
        if unprotected != 0 {
            return Err(Sign1Error::Unprotected(unprotected));
        }
        let payload = reader.bytes()?;
        let signature = reader.bytes()?;
        let signature = signature
            .try_into()
            .map_err(|_| Sign1Error::SignatureSize(signature.len()))?;
        reader.end()?;

        let chain = read_protected(purpose, protected)?;
        let same = encode_protected(purpose, chain);
        expect_same(protected, &same).map_err(Sign1Error::Header)?;
        expect_same(bytes, &encode(protected, payload, signature))?;
        Ok(Self {
            purpose,
            protected,
            chain,
            payload,
            signature,
        })
    }

    /// The certificates of the signer.
    #[must_use]
    pub const fn chain(&self) -> Chain<'a> {
        self.chain
    }

    /// The payload; not to be read before the signature is verified.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The signature: r and s, 32 bytes each, big-endian.
    #[must_use]
    pub const fn signature(&self) -> &'a [u8; SIGNATURE_SIZE] {
        self.signature
    }

    /// What was signed: the Sig_structure of RFC 9052, 4.4.
    #[must_use]
    pub fn to_be_signed(&self) -> Vec<u8> {
        sig_structure(self.purpose, self.protected, self.payload)
    }
}

/// A message that lacks its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    purpose: Purpose,
    protected: Vec<u8>,
    payload: Vec<u8>,
}

impl Unsigned {
    /// A message with this payload, to be signed by the key of `chain.leaf`.
    ///
    /// # Errors
    /// When a certificate is empty or too long, or when the message would be larger than `purpose`
    /// allows.
    pub fn new(purpose: Purpose, chain: Chain<'_>, payload: Vec<u8>) -> Result<Self, Sign1Error> {
        check_certificate(chain.leaf)?;
        check_certificate(chain.ca)?;
        let protected = encode_protected(purpose, chain);
        let message = encode(&protected, &payload, &[0; SIGNATURE_SIZE]);
        check_size(purpose, message.len())?;
        Ok(Self {
            purpose,
            protected,
            payload,
        })
    }

    /// What has to be signed: the Sig_structure of RFC 9052, 4.4. ES256 hashes it with SHA-256.
    #[must_use]
    pub fn to_be_signed(&self) -> Vec<u8> {
        sig_structure(self.purpose, &self.protected, &self.payload)
    }

    /// The message with its signature: r and s, 32 bytes each, big-endian, s in the lower half.
    #[must_use]
    pub fn assemble(&self, signature: &[u8; SIGNATURE_SIZE]) -> Vec<u8> {
        encode(&self.protected, &self.payload, signature)
    }
}

fn check_size(purpose: Purpose, size: usize) -> Result<(), Sign1Error> {
    let max = purpose.max_size();
    if size > max {
        return Err(Sign1Error::Size { size, max });
    }
    Ok(())
}

fn check_certificate(der: &[u8]) -> Result<(), Sign1Error> {
    if !(1..=MAX_CERTIFICATE_SIZE).contains(&der.len()) {
        return Err(Sign1Error::CertificateSize(der.len()));
    }
    Ok(())
}

/// Reads the protected header, entry by entry.
fn read_protected(purpose: Purpose, protected: &[u8]) -> Result<Chain<'_>, Sign1Error> {
    let mut reader = Reader::new(protected);
    reader.map(3).map_err(Sign1Error::Header)?;
    reader.key(ALG).map_err(Sign1Error::Header)?;
    let algorithm = reader.i64().map_err(Sign1Error::Header)?;
    if algorithm != ES256 {
        return Err(Sign1Error::Algorithm(algorithm));
    }
    reader.key(CONTENT_TYPE).map_err(Sign1Error::Header)?;
    let content_type = reader.text().map_err(Sign1Error::Header)?;
    if content_type != purpose.content_type() {
        return Err(Sign1Error::ContentType(purpose.content_type()));
    }
    let chain = read_chain(&mut reader)?;
    reader.end().map_err(Sign1Error::Header)?;
    Ok(chain)
}

fn read_chain<'a>(reader: &mut Reader<'a>) -> Result<Chain<'a>, Sign1Error> {
    reader.key(X5CHAIN).map_err(Sign1Error::Header)?;
    reader
        .array(CHAIN_LENGTH_U64)
        .map_err(|error| match error {
            CborError::Count { found, .. } => Sign1Error::CertificateCount(found),
            error => Sign1Error::Header(error),
        })?;
    let leaf = reader.bytes().map_err(Sign1Error::Header)?;
    check_certificate(leaf)?;
    let ca = reader.bytes().map_err(Sign1Error::Header)?;
    check_certificate(ca)?;
    Ok(Chain { leaf, ca })
}

fn encode_protected(purpose: Purpose, chain: Chain<'_>) -> Vec<u8> {
    let mut out = Writer::default();
    out.map(3).i64(ALG).i64(ES256);
    out.i64(CONTENT_TYPE).text(purpose.content_type());
    out.i64(X5CHAIN).array(CHAIN_LENGTH_U64);
    out.bytes(chain.leaf).bytes(chain.ca);
    out.into_bytes()
}

fn encode(protected: &[u8], payload: &[u8], signature: &[u8; SIGNATURE_SIZE]) -> Vec<u8> {
    let mut out = Writer::default();
    out.tag(TAG).array(4);
    out.bytes(protected).map(0).bytes(payload).bytes(signature);
    out.into_bytes()
}

fn sig_structure(purpose: Purpose, protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut out = Writer::default();
    out.array(4).text("Signature1").bytes(protected);
    out.bytes(purpose.external_aad().as_bytes()).bytes(payload);
    out.into_bytes()
}

/// CBOR tag of COSE_Sign1 (RFC 9052, 2).
const TAG: u64 = 18;
/// Header parameters (RFC 9052, 3.1; RFC 9360, 2), in the order of their encodings.
const ALG: i64 = 1;
const CONTENT_TYPE: i64 = 3;
const X5CHAIN: i64 = 33;
/// ECDSA with SHA-256 (RFC 9053, 2.1).
const ES256: i64 = -7;
/// [`CHAIN_LENGTH`] as CBOR counts it.
const CHAIN_LENGTH_U64: u64 = 2;
const _: () = assert!(CHAIN_LENGTH == 2);
