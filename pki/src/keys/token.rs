//! Keys in tokens (PKCS#11): smart cards, hardware security modules and their stand-ins.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use bpf_trust::PublicKey;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use platform_click::Digest;
use zeroize::Zeroizing;

use super::{AskPassphrase, Signer, foreign_signature, passphrase_from};
use crate::{KeyFault, PkiError};

/// Signs with a key that a token keeps.
#[derive(Debug)]
pub struct TokenSigner {
    session: Session,
    object: ObjectHandle,
    key: PublicKey,
    uri: String,
}

impl TokenSigner {
    /// Opens the key that a URI without its scheme describes (RFC 7512): `token`, `object` and `id`
    /// in its path, `module-path` and possibly `pin-source` in its query.
    ///
    /// # Errors
    /// [`KeyFault::Uri`], [`KeyFault::Token`], [`KeyFault::TokenKeys`], or what the PIN's source says.
    pub fn open(uri: &str, pin: &mut AskPassphrase<'_>) -> Result<Self, KeyFault> {
        let place = Place::parse(uri)?;
        let library = Pkcs11::new(&place.module).map_err(fault)?;
        library
            .initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))
            .map_err(fault)?;
        let slot = place.slot(&library)?;
        let session = library.open_ro_session(slot).map_err(fault)?;
        let pin = place.pin(pin).map_err(KeyFault::NoPassphrase)?;
        let pin = AuthPin::new(pin.as_str().into());
        session.login(UserType::User, Some(&pin)).map_err(fault)?;
        let object = place.find(&session, ObjectClass::PRIVATE_KEY)?;
        let public = place.find(&session, ObjectClass::PUBLIC_KEY)?;
        Ok(Self {
            key: public_key(&session, public)?,
            session,
            object,
            uri: uri.to_owned(),
        })
    }

    fn ask(&self, message: &[u8]) -> Result<Vec<u8>, KeyFault> {
        let digest = Digest::of(message);
        let signed = self
            .session
            .sign(&Mechanism::Ecdsa, self.object, digest.as_bytes());
        signed.map_err(fault)
    }
}

impl Signer for TokenSigner {
    fn public_key(&self) -> &PublicKey {
        &self.key
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], PkiError> {
        let sign = || foreign_signature(&self.ask(message)?, &self.key, message);
        sign().map_err(|fault| fault.of(&format!("pkcs11:{}", self.uri)))
    }
}

fn fault(error: cryptoki::error::Error) -> KeyFault {
    KeyFault::Token(error.to_string())
}

/// The point of a public key: tokens wrap it into an OCTET STRING (PKCS#11 3.1, 2.3.3).
fn public_key(session: &Session, object: ObjectHandle) -> Result<PublicKey, KeyFault> {
    let attributes = session.get_attributes(object, &[AttributeType::EcPoint]);
    let Some(Attribute::EcPoint(point)) = attributes.map_err(fault)?.pop() else {
        return Err(KeyFault::PublicKey);
    };
    let bare = point.strip_prefix(&[0x04, 0x41]).unwrap_or(&point);
    PublicKey::from_sec1(bare).ok_or(KeyFault::PublicKey)
}

/// Where a key is, as a URI says it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Place {
    token: Option<Vec<u8>>,
    object: Option<Vec<u8>>,
    id: Option<Vec<u8>>,
    module: PathBuf,
    pin_source: Option<PathBuf>,
}

impl Place {
    fn parse(uri: &str) -> Result<Self, KeyFault> {
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let mut place = Self::default();
        for (name, value) in attributes(path, ';') {
            let value = percent_decoded(value).ok_or(KeyFault::Uri("`%` needs two digits"))?;
            let slot = match name {
                "token" => &mut place.token,
                "object" => &mut place.object,
                "id" => &mut place.id,
                // What kind of object is meant is known.
                "type" => continue,
                _ => return Err(KeyFault::Uri("of the path, token, object and id are known")),
            };
            *slot = Some(value);
        }
        for (name, value) in attributes(query, '&') {
            let value = percent_decoded(value).and_then(|value| String::from_utf8(value).ok());
            let value = value.ok_or(KeyFault::Uri("`%` needs two digits, and gives a text"))?;
            match name {
                "module-path" => place.module = PathBuf::from(value),
                "pin-source" => {
                    let path = value.strip_prefix("file:").unwrap_or(&value);
                    place.pin_source = Some(PathBuf::from(path));
                }
                "pin-value" => {
                    return Err(KeyFault::Uri(
                        "a PIN does not belong on a command line: use pin-source",
                    ));
                }
                _ => {
                    return Err(KeyFault::Uri(
                        "of the query, module-path and pin-source are known",
                    ));
                }
            }
        }
        if !place.module.is_absolute() {
            return Err(KeyFault::Uri("module-path, absolute, is missing"));
        }
        Ok(place)
    }

    /// The slot with the token, if it is one.
    fn slot(&self, library: &Pkcs11) -> Result<Slot, KeyFault> {
        let mut found = Vec::new();
        for slot in library.get_slots_with_token().map_err(fault)? {
            let token = library.get_token_info(slot).map_err(fault)?;
            let label = token.label().trim_end().as_bytes();
            if self.token.as_ref().is_none_or(|wanted| wanted == label) {
                found.push(slot);
            }
        }
        match found.as_slice() {
            [slot] => Ok(*slot),
            slots => Err(KeyFault::Token(format!(
                "{} tokens are as described; it has to be one",
                slots.len()
            ))),
        }
    }

    /// The PIN, from where the URI says or from whom one asks.
    fn pin(&self, ask: &mut AskPassphrase<'_>) -> io::Result<Zeroizing<String>> {
        match &self.pin_source {
            Some(path) => passphrase_from(File::open(path)?),
            None => {
                let token = self.token.as_deref().unwrap_or_default();
                ask(&format!("the token {}", String::from_utf8_lossy(token)))
            }
        }
    }

    fn find(&self, session: &Session, class: ObjectClass) -> Result<ObjectHandle, KeyFault> {
        let mut template = vec![Attribute::Class(class)];
        template.extend(self.object.clone().map(Attribute::Label));
        template.extend(self.id.clone().map(Attribute::Id));
        let objects = session.find_objects(&template).map_err(fault)?;
        match objects.as_slice() {
            [object] => Ok(*object),
            objects => Err(KeyFault::TokenKeys(objects.len())),
        }
    }
}

/// `name=value` between separators; what has no `=` has an empty value.
fn attributes(text: &str, separator: char) -> impl Iterator<Item = (&str, &str)> {
    text.split(separator)
        .filter(|attribute| !attribute.is_empty())
        .map(|attribute| attribute.split_once('=').unwrap_or((attribute, "")))
}

/// A text with `%XX` for bytes (RFC 3986, 2.1).
fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()?
            }
            byte => byte,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_read() {
        let uri = "token=my%20token;object=key;id=%01%ff;type=private?module-path=/m.so&pin-source=file:/p";
        let place = Place::parse(uri).unwrap();
        let expected = Place {
            token: Some(b"my token".to_vec()),
            object: Some(b"key".to_vec()),
            id: Some(vec![1, 0xff]),
            module: "/m.so".into(),
            pin_source: Some("/p".into()),
        };
        assert_eq!(place, expected);
    }

    #[test]
    fn other_uris_are_refused() {
        for uri in [
            "",
            "token=x",
            "token=x?module-path=m.so",
            "slot-id=1?module-path=/m.so",
            "token=%4?module-path=/m.so",
            "token=x?module-path=/m.so&pin-value=1234",
            "token=x?module-path=/m.so&x=y",
        ] {
            assert!(matches!(Place::parse(uri), Err(KeyFault::Uri(_))), "{uri}");
        }
    }
}
