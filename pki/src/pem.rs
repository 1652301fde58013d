//! Files of several parts in PEM (RFC 7468).

use pkcs8::LineEnding;
use zeroize::Zeroizing;

use crate::KeyFault;

/// One part, not decoded yet.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) label: &'a str,
    text: &'a str,
}

/// The parts of a file. Text around them explains and is skipped (RFC 7468, 2).
pub(crate) fn parts(text: &str) -> Result<Vec<Part<'_>>, KeyFault> {
    const BEGIN: &str = "-----BEGIN ";
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(BEGIN) {
        let begun = rest.get(start..).unwrap_or_default();
        let label = begun
            .strip_prefix(BEGIN)
            .and_then(|begun| begun.split_once("-----"))
            .map_or("", |(label, _)| label);
        let end = format!("-----END {label}-----");
        let (text, after) = begun
            .find(&end)
            .and_then(|at| begun.split_at_checked(at.saturating_add(end.len())))
            .ok_or_else(|| KeyFault::Pem(printable(label)))?;
        parts.push(Part { label, text });
        rest = after;
    }
    Ok(parts)
}

impl Part<'_> {
    /// The bytes of the part, wiped when they are dropped: they may be a key.
    pub(crate) fn decode(&self) -> Result<Zeroizing<Vec<u8>>, KeyFault> {
        pem_rfc7468::decode_vec(self.text.as_bytes())
            .map(|(_, bytes)| Zeroizing::new(bytes))
            .map_err(|_| KeyFault::Pem(printable(self.label)))
    }

    /// The part as it is written, with its first and last line.
    pub(crate) const fn text(&self) -> &str {
        self.text
    }

    /// Whether the part says that it is encrypted: by its label, or by the header of the older form
    /// (RFC 1421, 4.6.1.1).
    pub(crate) fn is_encrypted(&self) -> bool {
        self.label.starts_with("ENCRYPTED ") || self.text.contains("Proc-Type: 4,ENCRYPTED")
    }
}

/// A label from a file, as it may be shown.
pub(crate) fn printable(label: &str) -> String {
    label
        .chars()
        .filter(|c| c.is_ascii_graphic() || *c == ' ')
        .take(40)
        .collect()
}

/// A certificate in PEM.
pub(crate) fn certificate(der: &[u8]) -> String {
    encode("CERTIFICATE", der)
}

/// Certificates in PEM, one behind the other.
pub fn chain(certificates: &[&[u8]]) -> String {
    certificates.iter().map(|der| certificate(der)).collect()
}

/// Something in PEM.
pub fn encode(label: &str, der: &[u8]) -> String {
    pem_rfc7468::encode_string(label, LineEnding::LF, der)
        .expect("what is written here is far below the 2^28 bytes at which encoding fails")
}
