//! Signing.

use bpf_statement::{BundleBuilder, Statement};
use bpf_trust::{TrustContents, TrustError, UnsignedTrustBundle};

use crate::{PkiError, Signer, SigningIdentity};

/// Signs a statement; the result is the file `prog.o.bpfsig`.
///
/// What every loader would refuse is not signed: a name outside the scope of the leaf, a time at
/// which the leaf is not valid.
///
/// # Errors
/// [`PkiError::Trust`] for such a statement, and whatever the holder of the key reports.
pub fn sign_statement(
    statement: &Statement,
    identity: &SigningIdentity,
) -> Result<Vec<u8>, PkiError> {
    let leaf = identity.leaf();
    let name = statement.claims().name.as_str();
    if let Some(scope) = leaf.scope().filter(|scope| !scope.covers_name(name)) {
        return Err(PkiError::Trust(TrustError::NameScope {
            name: name.to_owned(),
            prefixes: scope.name_prefixes().to_vec(),
        }));
    }
    let (not_before, not_after) = (leaf.not_before(), leaf.not_after());
    if !(not_before..=not_after).contains(&statement.claims().issued_at) {
        return Err(PkiError::Trust(TrustError::SignedTime {
            time: statement.claims().issued_at,
            not_before,
            not_after,
        }));
    }
    let (leaf, ca) = identity.chain();
    let bundle = BundleBuilder::new(statement, leaf, ca)?;
    let signature = identity.signer().sign(&bundle.to_be_signed())?;
    Ok(bundle.assemble(&signature))
}

/// Encodes the content of a trust bundle and signs it with each of `keys`; the result is the file
/// `trust.bpftrust`. Whether these are enough keys is for its readers to say.
///
/// # Errors
/// [`PkiError::Trust`] when the content is refused, and whatever the holder of a key reports.
pub fn sign_trust_bundle(
    contents: TrustContents,
    keys: &[&dyn Signer],
) -> Result<Vec<u8>, PkiError> {
    let mut bundle = UnsignedTrustBundle::new(contents)?;
    for key in keys {
        let public = key.public_key();
        let signature = key.sign(&bundle.to_be_signed(public))?;
        bundle.add_signature(public, &signature)?;
    }
    Ok(bundle.to_bytes())
}
