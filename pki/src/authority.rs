//! Issuing certificates.

use bpf_trust::{Anchor, Certificate, CertificateKind, PublicKey, Role, Scope, UnixTime, oid};
use platform_click::Digest;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CustomExtension,
    DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, RevokedCertParams, SerialNumber,
    SignatureAlgorithm, SigningKey,
};
use time::OffsetDateTime;
use x509_cert::der::asn1::OctetString;
use x509_cert::der::{Decode, Tag, Tagged};

use crate::{KeyFault, PkiError, Signer};

/// Seconds of a day.
const DAY: u64 = 86_400;

/// Seconds by which validity starts before the time of issue: the clocks of machines on one network
/// differ by less, and a loader whose clock is behind would refuse what was issued just now.
const SKEW: u64 = 300;

/// When a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub not_before: UnixTime,
    /// The last second.
    pub not_after: UnixTime,
}

impl Validity {
    /// From five minutes before `now` until `days` after it.
    #[must_use]
    pub const fn days(now: UnixTime, days: u32) -> Self {
        #[expect(clippy::as_conversions, reason = "widened; `From` is not const")]
        let seconds = (days as u64).saturating_mul(DAY);
        Self {
            not_before: now.saturating_sub(SKEW),
            not_after: now.saturating_add(seconds),
        }
    }
}

/// What a leaf is issued for.
#[derive(Clone, Debug)]
pub struct LeafOptions {
    /// The common name.
    pub name: String,
    /// When it is valid.
    pub validity: Validity,
    /// What it may sign.
    pub scope: Scope,
}

/// A key that issues certificates, and its own certificate: a root or a CA.
pub struct Authority {
    key: Box<dyn Signer>,
    der: Vec<u8>,
}

impl Authority {
    /// A root: a key that vouches for itself, in a certificate for people and other tools. Loaders
    /// know a root by name and key from their trust bundle.
    ///
    /// # Errors
    /// [`PkiError::Option`] for names that are empty or too long, or [`PkiError::Issue`].
    pub fn root(
        organisation: &str,
        name: &str,
        key: Box<dyn Signer>,
        validity: Validity,
    ) -> Result<Self, PkiError> {
        let mut params = params(organisation, name, key.public_key(), validity)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.use_authority_key_identifier_extension = false;
        let certificate = params.self_signed(&IssuingKey(key.as_ref()));
        let der = certificate.map_err(PkiError::Issue)?.der().to_vec();
        Ok(Self { key, der })
    }

    /// A root that was made before, from its certificate in DER.
    ///
    /// # Errors
    /// [`KeyFault::PublicKey`] when it is not signed by its own key, [`KeyFault::ChainOfOther`] when
    /// that is another key.
    pub fn from_root(der: Vec<u8>, key: Box<dyn Signer>) -> Result<Self, KeyFault> {
        let root = Anchor::from_certificate(&der, Role::ALL.to_vec());
        let root = root.map_err(|_| KeyFault::PublicKey)?;
        Self::from_parts(root.key(), der, key)
    }

    /// A CA that was issued before, from its certificate in DER.
    ///
    /// # Errors
    /// [`KeyFault::Certificate`] when it is no CA for this role, [`KeyFault::ChainOfOther`] when it is
    /// for another key.
    pub fn from_ca(der: Vec<u8>, key: Box<dyn Signer>, role: Role) -> Result<Self, KeyFault> {
        let ca = Certificate::parse(&der, CertificateKind::Ca, role).map_err(|departure| {
            let number = 1;
            KeyFault::Certificate { number, departure }
        })?;
        Self::from_parts(ca.key(), der, key)
    }

    fn from_parts(
        certified: &PublicKey,
        der: Vec<u8>,
        key: Box<dyn Signer>,
    ) -> Result<Self, KeyFault> {
        if certified != key.public_key() {
            return Err(KeyFault::ChainOfOther);
        }
        Ok(Self { key, der })
    }

    /// A certificate in DER for a CA below this root: its key issues leaves for one role.
    ///
    /// # Errors
    /// [`PkiError::Option`], [`PkiError::Issue`], or [`PkiError::Profile`] when this is not a root.
    pub fn issue_ca(
        &self,
        organisation: &str,
        name: &str,
        key: &PublicKey,
        validity: Validity,
        role: Role,
    ) -> Result<Vec<u8>, PkiError> {
        let mut params = params(organisation, name, key, validity)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.extended_key_usages = vec![extended_key_usage(role)];
        let der = self.issue(&params, key)?;
        Certificate::parse(&der, CertificateKind::Ca, role).map_err(PkiError::Profile)?;
        Ok(der)
    }

    /// A leaf below this CA, in DER, for the key with this public part.
    ///
    /// # Errors
    /// [`PkiError::Option`], [`PkiError::Issue`], or [`PkiError::Profile`] when this is a root.
    pub fn issue_leaf(
        &self,
        organisation: &str,
        options: &LeafOptions,
        key: &PublicKey,
        role: Role,
    ) -> Result<Vec<u8>, PkiError> {
        let mut params = params(organisation, &options.name, key, options.validity)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![extended_key_usage(role)];
        let scope = CustomExtension::from_oid_content(&arcs(&oid::SCOPE), options.scope.to_der());
        params.custom_extensions = vec![scope];
        let der = self.issue(&params, key)?;
        let leaf = Certificate::parse(&der, CertificateKind::Leaf, role);
        let leaf = leaf.map_err(PkiError::Profile)?;
        let ca = Certificate::parse(&self.der, CertificateKind::Ca, role);
        let ca = ca.map_err(PkiError::Profile)?;
        if !leaf.is_issued_by(&ca) {
            return Err(PkiError::Issue(rcgen::Error::RemoteKeyError));
        }
        Ok(der)
    }

    /// The certificate in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &dyn Signer {
        self.key.as_ref()
    }

    /// A list of revoked certificates (RFC 5280, 5), in DER, for tools that read one. Loaders do not:
    /// they go by the trust bundle.
    ///
    /// # Errors
    /// [`PkiError::Option`] or [`PkiError::Issue`].
    pub fn revocation_list(
        &self,
        number: u64,
        revoked: &[Revoked],
        validity: Validity,
    ) -> Result<Vec<u8>, PkiError> {
        let entry = |entry: &Revoked| {
            Ok(RevokedCertParams {
                serial_number: SerialNumber::from_slice(&entry.serial),
                revocation_time: date(entry.time)?,
                reason_code: None,
                invalidity_date: None,
            })
        };
        let params = CertificateRevocationListParams {
            this_update: date(validity.not_before)?,
            next_update: date(validity.not_after)?,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect::<Result<_, PkiError>>()?,
            key_identifier_method: KeyIdMethod::PreSpecified(key_id(self.key.public_key())),
        };
        let list = params.signed_by(&self.issuer()?).map_err(PkiError::Issue)?;
        Ok(list.der().to_vec())
    }

    fn issue(&self, params: &CertificateParams, key: &PublicKey) -> Result<Vec<u8>, PkiError> {
        let certificate = params.signed_by(&CertifiedKey(key), &self.issuer()?);
        Ok(certificate.map_err(PkiError::Issue)?.der().to_vec())
    }

    /// What `rcgen` wants to know of an issuer: name, key identifier, key usage.
    fn issuer(&self) -> Result<Issuer<'_, IssuingKey<'_>>, PkiError> {
        let unreadable = PkiError::Issue(rcgen::Error::CouldNotParseCertificate);
        let (name, key_id) = subject(&self.der).ok_or(unreadable)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = name;
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.key_identifier_method = KeyIdMethod::PreSpecified(key_id);
        Ok(Issuer::new(params, IssuingKey(self.key.as_ref())))
    }
}

impl core::fmt::Debug for Authority {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Authority({:?})", self.key.public_key())
    }
}

fn params(
    organisation: &str,
    name: &str,
    key: &PublicKey,
    validity: Validity,
) -> Result<CertificateParams, PkiError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished_name(organisation, name)?;
    params.not_before = date(validity.not_before)?;
    params.not_after = date(validity.not_after)?;
    params.serial_number = Some(serial()?);
    params.key_identifier_method = KeyIdMethod::PreSpecified(key_id(key));
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn distinguished_name(organisation: &str, name: &str) -> Result<DistinguishedName, PkiError> {
    let mut distinguished = DistinguishedName::new();
    for (kind, option, text) in [
        (DnType::OrganizationName, "organisation", organisation),
        (DnType::CommonName, "name", name),
    ] {
        check_text(option, text)?;
        distinguished.push(kind, text);
    }
    Ok(distinguished)
}

/// Attributes of names have at most 64 characters (RFC 5280, A.1, `ub-common-name`).
fn check_text(option: &'static str, text: &str) -> Result<(), PkiError> {
    if (1..=64).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(PkiError::Option {
        option,
        rule: "1 to 64 characters, none of them a control character",
    })
}

fn date(time: UnixTime) -> Result<OffsetDateTime, PkiError> {
    let seconds = i64::try_from(time.as_secs()).ok();
    let date = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    date.ok_or(PkiError::Option {
        option: "validity",
        rule: "certificates end with the year 9999",
    })
}

/// 126 random bits in 16 bytes of which the first makes it positive and keeps the length.
fn serial() -> Result<SerialNumber, PkiError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(PkiError::Random)?;
    bytes[0] = bytes[0] & 0x3f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

/// The leftmost 160 bits of the SHA-256 of the public key's bits (RFC 7093, 2, method 1).
fn key_id(key: &PublicKey) -> Vec<u8> {
    let digest = Digest::of(key.as_sec1());
    digest.as_bytes()[..20].to_vec()
}

fn extended_key_usage(role: Role) -> ExtendedKeyUsagePurpose {
    ExtendedKeyUsagePurpose::Other(arcs(role.extended_key_usage()))
}

fn arcs(oid: &oid::ObjectIdentifier) -> Vec<u64> {
    oid.arcs().map(u64::from).collect()
}

/// The subject of a certificate in DER, and the identifier of its key.
fn subject(der: &[u8]) -> Option<(DistinguishedName, Vec<u8>)> {
    let certificate = x509_cert::Certificate::from_der(der).ok()?;
    let tbs = certificate.tbs_certificate();
    let mut name = DistinguishedName::new();
    for attribute in tbs.subject().iter() {
        let kind = DnType::CustomDnType(arcs(&attribute.oid));
        let text = str::from_utf8(attribute.value.value()).ok()?;
        let value = match attribute.value.tag() {
            Tag::Utf8String => DnValue::Utf8String(text.to_owned()),
            Tag::PrintableString => DnValue::PrintableString(text.try_into().ok()?),
            Tag::Ia5String => DnValue::Ia5String(text.try_into().ok()?),
            _ => return None,
        };
        name.push(kind, value);
    }
    let mut extensions = tbs.extensions()?.iter();
    let key_id = extensions.find(|e| e.extn_id == oid::SUBJECT_KEY_IDENTIFIER)?;
    let key_id = OctetString::from_der(key_id.extn_value.as_bytes()).ok()?;
    Some((name, key_id.as_bytes().to_vec()))
}

/// A request in DER for a certificate of this name for a key (PKCS#10, RFC 2986). What the
/// certificate is to be good for is for its issuer to say.
///
/// # Errors
/// [`PkiError::Option`] for names that are empty or too long, or [`PkiError::Issue`].
pub fn request(organisation: &str, name: &str, key: &dyn Signer) -> Result<Vec<u8>, PkiError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished_name(organisation, name)?;
    let request = params.serialize_request(&IssuingKey(key));
    Ok(request.map_err(PkiError::Issue)?.der().to_vec())
}

/// A certificate that does not count any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Its serial number, big-endian.
    pub serial: Vec<u8>,
    /// From when on.
    pub time: UnixTime,
}

/// The key that is certified, as `rcgen` takes it.
struct CertifiedKey<'a>(&'a PublicKey);

impl PublicKeyData for CertifiedKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.as_sec1()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

/// A key that signs, as `rcgen` takes it.
struct IssuingKey<'a>(&'a dyn Signer);

impl PublicKeyData for IssuingKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.public_key().as_sec1()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for IssuingKey<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature = self.0.sign(message).ok();
        let signature = signature.and_then(|bytes| p256::ecdsa::Signature::from_slice(&bytes).ok());
        let signature = signature.ok_or(rcgen::Error::RemoteKeyError)?;
        Ok(signature.to_der().as_bytes().to_vec())
    }
}
