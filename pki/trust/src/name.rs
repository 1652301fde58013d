//! Distinguished names as they are compared, shown and handed to path validation.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode, Encode, Tag, Tagged};
use x509_cert::name::Name;

/// A distinguished name that is not empty and whose values are text without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DistinguishedName {
    der: Vec<u8>,
    text: String,
}

impl DistinguishedName {
    /// The name of this DER; `None` if it is not one, or not canonical.
    pub(crate) fn from_der(der: &[u8]) -> Option<Self> {
        let name = Name::from_der(der).ok()?;
        let name = Self::new(&name)?;
        (name.der == der).then_some(name)
    }

    pub(crate) fn new(name: &Name) -> Option<Self> {
        if name.is_empty() || !name.iter().all(is_plain_text) {
            return None;
        }
        Some(Self {
            der: name.to_der().ok()?,
            text: name.to_string(),
        })
    }

    /// The DER, with the outer SEQUENCE.
    pub(crate) fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// The DER within the outer SEQUENCE, as `rustls-webpki` keeps names.
    pub(crate) fn content(&self) -> &[u8] {
        AnyRef::from_der(&self.der).map_or(&[], AnyRef::value)
    }

    /// The value of the attribute of this type, if there is exactly one.
    pub(crate) fn attribute(&self, kind: ObjectIdentifier) -> Option<String> {
        let name = Name::from_der(&self.der).ok()?;
        let mut values = name.iter().filter(|attribute| attribute.oid == kind);
        let only = values.next().filter(|_| values.next().is_none())?;
        let text = str::from_utf8(only.value.value()).ok()?;
        Some(text.to_string())
    }

    /// The name as RFC 4514 writes it.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

fn is_plain_text(attribute: &AttributeTypeAndValue) -> bool {
    let value = &attribute.value;
    // `PrintableString` and `IA5String` are subsets of UTF-8; other string types are legacy
    // (RFC 5280, 4.1.2.4).
    let is_text = matches!(
        value.tag(),
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String
    );
    is_text
        && str::from_utf8(value.value())
            .is_ok_and(|text| !text.is_empty() && !text.chars().any(char::is_control))
}
