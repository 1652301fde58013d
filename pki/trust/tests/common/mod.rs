//! A small PKI whose certificates can be made wrong in any way.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "shared by several tests, which use different parts of it and fail by panicking"
)]

use bpf_statement::Text;
use bpf_trust::{
    Anchor, PublicKey, Role, RootKeys, Scope, TrustBundle, TrustContents, TrustError, UnixTime,
    UnsignedTrustBundle, UnverifiedTrustBundle, VerifiedSigner, oid, verify_chain,
};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::ops::Reduce;
use p256::elliptic_curve::point::AffineCoordinates;
use p256::{FieldBytes, ProjectivePoint, Scalar};
use platform_click::Digest;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    PublicKeyData, SerialNumber, SignatureAlgorithm,
};
use time::OffsetDateTime;
use x509_cert::der::{Decode, Encode};

pub const NOW: UnixTime = UnixTime::from_secs(1_795_000_000);
pub const DAY: u64 = 86_400;

/// A key that follows from its name.
#[derive(Clone)]
pub struct Key {
    signing: SigningKey,
    pub public: PublicKey,
}

impl Key {
    pub fn new(name: &str) -> Self {
        let signing = SigningKey::from_slice(Digest::of(name.as_bytes()).as_bytes()).unwrap();
        let point = signing.verifying_key().to_sec1_point(false);
        let public = PublicKey::from_sec1(point.as_bytes()).unwrap();
        Self { signing, public }
    }

    pub fn digest(&self) -> Digest {
        self.public.digest()
    }

    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signature: Signature = self.signing.sign(message);
        signature.normalize_s().to_bytes().into()
    }

    /// Another valid signature, by the formula (SEC 1, 4.1.3): its nonce does not come from the
    /// message and the key alone.
    pub fn sign_anew(&self, message: &[u8]) -> [u8; 64] {
        let scalar = |digest: Digest| Scalar::reduce(&FieldBytes::from(*digest.as_bytes()));
        let nonce = scalar(Digest::of(b"nonce"));
        let point = (ProjectivePoint::GENERATOR * nonce).to_affine();
        let r = Scalar::reduce(&point.x());
        let key = **self.signing.as_nonzero_scalar();
        let s = nonce.invert().unwrap() * (scalar(Digest::of(message)) + r * key);
        let signature = Signature::from_scalars(r, s).unwrap();
        signature.normalize_s().to_bytes().into()
    }

    /// The same signature with the other s.
    pub fn sign_high(&self, message: &[u8]) -> [u8; 64] {
        let signature = Signature::from_slice(&self.sign(message)).unwrap();
        let (r, s) = signature.split_scalars();
        let high = Signature::from_scalars(*r, -*s).unwrap();
        high.to_bytes().into()
    }

    pub fn key_id(&self) -> Vec<u8> {
        self.digest().as_bytes()[..20].to_vec()
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        self.public.as_sec1()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        // High s, as other issuers produce them half of the time.
        let signature = Signature::from_slice(&self.sign_high(message)).unwrap();
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

pub fn date(time: UnixTime) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(time.as_secs().try_into().unwrap()).unwrap()
}

fn params(name: &str, key: &Key, days: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Test");
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from(0x1234_5678_9abc_u64));
    params.not_before = date(NOW.saturating_sub(DAY));
    params.not_after = date(NOW.saturating_add(days * DAY));
    params.key_identifier_method = KeyIdMethod::PreSpecified(key.key_id());
    params.use_authority_key_identifier_extension = true;
    params
}

pub fn eku(role: Role) -> ExtendedKeyUsagePurpose {
    let arcs = role.extended_key_usage().arcs().map(u64::from);
    ExtendedKeyUsagePurpose::Other(arcs.collect())
}

pub fn extension(oid: &str, content: Vec<u8>, critical: bool) -> CustomExtension {
    let arcs: Vec<u64> = oid.split('.').map(|arc| arc.parse().unwrap()).collect();
    let mut extension = CustomExtension::from_oid_content(&arcs, content);
    extension.set_criticality(critical);
    extension
}

pub fn scope(epoch: u64, prefixes: &[&str]) -> CustomExtension {
    let prefixes = prefixes.iter().map(|prefix| (*prefix).into()).collect();
    let scope = Scope::new(epoch, prefixes).unwrap();
    extension(&oid::SCOPE.to_string(), scope.to_der(), false)
}

/// Parameters and keys of root, CA and leaf; a test changes what it wants wrong.
#[derive(Clone)]
pub struct Pki {
    pub root: CertificateParams,
    pub root_key: Key,
    pub ca: CertificateParams,
    pub ca_key: Key,
    pub leaf: CertificateParams,
    pub leaf_key: Key,
    pub bundle_key: Key,
}

impl Pki {
    pub fn new() -> Self {
        let [root_key, ca_key, leaf_key] = ["root", "ca", "leaf"].map(Key::new);
        let mut root = params("root", &root_key, 5_000);
        root.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let mut ca = params("ca", &ca_key, 1_000);
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        ca.extended_key_usages = vec![eku(Role::Verifier)];
        let mut leaf = params("leaf", &leaf_key, 90);
        leaf.is_ca = IsCa::ExplicitNoCa;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![eku(Role::Verifier)];
        leaf.custom_extensions = vec![scope(7, &[])];
        Self {
            root,
            root_key,
            ca,
            ca_key,
            leaf,
            leaf_key,
            bundle_key: Key::new("bundle root"),
        }
    }

    pub fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut pki = Self::new();
        change(&mut pki);
        pki
    }

    pub fn root_der(&self) -> Vec<u8> {
        let root = self.root.self_signed(&self.root_key).unwrap();
        root.der().to_vec()
    }

    pub fn ca_der(&self) -> Vec<u8> {
        let issuer = Issuer::from_params(&self.root, &self.root_key);
        let ca = self.ca.signed_by(&self.ca_key, &issuer).unwrap();
        ca.der().to_vec()
    }

    pub fn leaf_der(&self) -> Vec<u8> {
        let issuer = Issuer::from_params(&self.ca, &self.ca_key);
        let leaf = self.leaf.signed_by(&self.leaf_key, &issuer).unwrap();
        leaf.der().to_vec()
    }

    pub fn contents(&self) -> TrustContents {
        let anchor = Anchor::from_certificate(&self.root_der(), Role::ALL.to_vec()).unwrap();
        TrustContents {
            version: 1,
            issued: NOW.saturating_sub(DAY),
            expires: NOW.saturating_add(1_000 * DAY),
            root_keys: RootKeys::new(1, vec![self.bundle_key.public.clone()]).unwrap(),
            anchors: vec![anchor],
            min_epochs: vec![],
            revoked: vec![],
            platforms: vec![Text::new("click/1").unwrap()],
            min_engines: vec![],
            counter_resets: vec![],
            accepts_fuel: false,
            time_floor: None,
        }
    }

    pub fn bundle(&self) -> TrustBundle {
        self.bundle_with(|_| {})
    }

    pub fn bundle_with(&self, change: impl FnOnce(&mut TrustContents)) -> TrustBundle {
        let mut contents = self.contents();
        change(&mut contents);
        let file = sign_bundle(contents, &[&self.bundle_key]);
        let bundle = UnverifiedTrustBundle::parse(&file).unwrap();
        bundle.provision().unwrap()
    }

    /// What the usual bundle's loader says about this chain.
    pub fn verify(&self) -> Result<VerifiedSigner, TrustError> {
        verify_now(&Self::new().bundle(), &self.leaf_der(), &self.ca_der())
    }
}

pub fn sign_bundle(contents: TrustContents, keys: &[&Key]) -> Vec<u8> {
    let mut bundle = UnsignedTrustBundle::new(contents).unwrap();
    for key in keys {
        let signature = key.sign(&bundle.to_be_signed(&key.public));
        bundle.add_signature(&key.public, &signature).unwrap();
    }
    bundle.to_bytes()
}

pub fn verify_now(
    bundle: &TrustBundle,
    leaf: &[u8],
    ca: &[u8],
) -> Result<VerifiedSigner, TrustError> {
    verify_chain(bundle, leaf, ca, NOW, Role::Verifier)
}

/// The certificate with changed TBS bytes, signed again.
pub fn resign(der: &[u8], key: &Key, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let certificate = x509_cert::Certificate::from_der(der).unwrap();
    let mut tbs = certificate.tbs_certificate().to_der().unwrap();
    change(&mut tbs);
    let algorithm = certificate.signature_algorithm().to_der().unwrap();
    let signature = rcgen::SigningKey::sign(key, &tbs).unwrap();
    let bits = tlv(0x03, &[&[0], signature.as_slice()].concat());
    tlv(0x30, &[tbs, algorithm, bits].concat())
}

/// Replaces the only place of `from` by `to`, of the same length.
pub fn patch(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    let places: Vec<usize> = (0..bytes.len())
        .filter(|at| bytes[*at..].starts_with(from))
        .collect();
    assert_eq!(places.len(), 1, "{from:02x?} in {bytes:02x?}");
    bytes[places[0]..places[0] + from.len()].copy_from_slice(to);
}

/// One DER value.
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let head = match content.len() {
        0..0x80 => vec![tag, length[7]],
        0x80..0x100 => vec![tag, 0x81, length[7]],
        _ => vec![tag, 0x82, length[6], length[7]],
    };
    [head.as_slice(), content].concat()
}
