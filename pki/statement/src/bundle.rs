//! The bundle: a statement, signed, with the certificates of its signer.

use alloc::vec::Vec;

use crate::sign1::{Chain, Purpose, SIGNATURE_SIZE, Sign1, Sign1Error, Unsigned};
use crate::statement::Statement;

/// A bundle (`prog.o.bpfsig`) of the right form. Its signature is **not** verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bundle<'a>(Sign1<'a>);

impl<'a> Bundle<'a> {
    /// Bytes of a bundle at most.
    pub const MAX_SIZE: usize = Purpose::Statement.max_size();

    /// Reads a bundle.
    ///
    /// # Errors
    /// The first property of the form (`docs/formats.md`, "Signed messages" and "Bundle") that does
    /// not hold.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Sign1Error> {
        Sign1::parse(Purpose::Statement, bytes).map(Self)
    }

    /// The certificates in DER: the leaf that signed, and its CA.
    #[must_use]
    pub const fn certificates(&self) -> (&'a [u8], &'a [u8]) {
        let Chain { leaf, ca } = self.0.chain();
        (leaf, ca)
    }

    /// The encoded statement; not to be decoded before the signature is verified.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.0.payload()
    }

    /// The signature: r and s, 32 bytes each, big-endian.
    #[must_use]
    pub const fn signature(&self) -> &'a [u8; SIGNATURE_SIZE] {
        self.0.signature()
    }

    /// What was signed: the Sig_structure of RFC 9052, 4.4.
    #[must_use]
    pub fn to_be_signed(&self) -> Vec<u8> {
        self.0.to_be_signed()
    }
}

/// A bundle that lacks its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleBuilder(Unsigned);

impl BundleBuilder {
    /// A bundle of `statement`, to be signed by the key of the certificate `leaf`, which `ca`
    /// issued; both in DER.
    ///
    /// # Errors
    /// When a certificate is empty or too long. (Every statement fits.)
    pub fn new(statement: &Statement, leaf: &[u8], ca: &[u8]) -> Result<Self, Sign1Error> {
        let chain = Chain { leaf, ca };
        Unsigned::new(Purpose::Statement, chain, statement.encode()).map(Self)
    }

    /// What has to be signed: the Sig_structure of RFC 9052, 4.4. ES256 hashes it with SHA-256.
    #[must_use]
    pub fn to_be_signed(&self) -> Vec<u8> {
        self.0.to_be_signed()
    }

    /// The bundle with its signature: r and s, 32 bytes each, big-endian, s in the lower half.
    #[must_use]
    pub fn assemble(&self, signature: &[u8; SIGNATURE_SIZE]) -> Vec<u8> {
        self.0.assemble(signature)
    }
}
