//! Requests for certificates (PKCS#10, RFC 2986): what an issuer that is kept offline reads.

use bpf_trust::{PublicKey, oid};
use x509_cert::der::{Decode, Encode};
use x509_cert::request::CertReq;

use crate::pem;

/// Bytes of a request at most: with a name of two attributes one has about 300.
pub const MAX_REQUEST_SIZE: usize = 16 << 10;

/// The key of a request whose holder has signed it, so that nobody has others' keys certified.
///
/// Name and extensions that a request asks for are not taken over: what a certificate says is the
/// issuer's to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    key: PublicKey,
    subject: String,
}

/// Why a request counts for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// It is too long.
    #[error("longer than the {max} bytes of a request", max = MAX_REQUEST_SIZE)]
    TooLong,
    /// It is not a request in PEM.
    #[error("not one certificate request in PEM (`BEGIN CERTIFICATE REQUEST`)")]
    Pem,
    /// It is not PKCS#10 in DER.
    #[error("not a certificate request in DER")]
    Encoding,
    /// Its key is not on P-256.
    #[error("the key is not one on P-256")]
    Key,
    /// It is not signed by its key, with ECDSA and SHA-256.
    #[error("not signed by its own key")]
    Signature,
}

impl Request {
    /// Reads a request in PEM and checks its signature.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &[u8]) -> Result<Self, RequestError> {
        if text.len() > MAX_REQUEST_SIZE {
            return Err(RequestError::TooLong);
        }
        let text = str::from_utf8(text).map_err(|_| RequestError::Pem)?;
        let parts = pem::parts(text).map_err(|_| RequestError::Pem)?;
        let [part] = parts.as_slice() else {
            return Err(RequestError::Pem);
        };
        // The second label is that of older tools (RFC 7468, 7).
        if !matches!(
            part.label,
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST"
        ) {
            return Err(RequestError::Pem);
        }
        Self::from_der(&part.decode().map_err(|_| RequestError::Pem)?)
    }

    fn from_der(der: &[u8]) -> Result<Self, RequestError> {
        let request = CertReq::from_der(der).map_err(|_| RequestError::Encoding)?;
        // One encoding for one request, as with everything that is read.
        let encoded = request.to_der().map_err(|_| RequestError::Encoding)?;
        if encoded != der {
            return Err(RequestError::Encoding);
        }
        let info = &request.info;
        let spki = info.public_key.to_der();
        let spki = spki.map_err(|_| RequestError::Encoding)?;
        let key = PublicKey::from_spki_der(&spki).ok_or(RequestError::Key)?;
        let algorithm = &request.algorithm;
        if algorithm.oid != oid::ECDSA_WITH_SHA256 || algorithm.parameters.is_some() {
            return Err(RequestError::Signature);
        }
        let signed = info.to_der().map_err(|_| RequestError::Encoding)?;
        let signature = request.signature.as_bytes();
        if !signature.is_some_and(|signature| key.verifies_der(&signed, signature)) {
            return Err(RequestError::Signature);
        }
        Ok(Self {
            key,
            subject: info.subject.to_string(),
        })
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The name that the request asks for, as RFC 4514 writes it; for people.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }
}
