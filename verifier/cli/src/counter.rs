//! The rollback counter of a new statement.

use std::path::Path;

use bpf_pki::SigningIdentity;
use bpf_statement::{Bundle, Name, Statement};
use bpf_trust::{Certificate, CertificateKind, Role};
use platform_click::Digest;

use crate::args::Counter;
use crate::error::{CliError, codes};
use crate::files;

/// The counter of a statement for `object`. `auto` is that of the bundle that will be replaced,
/// plus one if the object changed, and 1 when there is none.
///
/// # Errors
/// There is a bundle, and nothing can be concluded from it: it is malformed, for another name, or
/// not signed under the CA of this signer (else whoever may write the file could make the counter
/// jump).
pub(crate) fn next(
    wanted: Counter,
    bundle: &Path,
    name: &Name,
    object: Digest,
    identity: &SigningIdentity,
) -> Result<u64, CliError> {
    match wanted {
        Counter::Value(counter) => Ok(counter),
        Counter::Auto if !bundle.exists() => Ok(1),
        Counter::Auto => {
            let previous = previous(bundle, identity)?;
            let claims = previous.claims();
            if claims.name != *name {
                let message = format!(
                    "the bundle there is for `{}`, not for `{name}`",
                    claims.name
                );
                return Err(CliError::message(codes::COUNTER, message).about(bundle));
            }
            let changed = u64::from(claims.object != object);
            Ok(claims.counter.saturating_add(changed))
        }
    }
}

/// The statement of the bundle that is there, signed under the same CA.
fn previous(path: &Path, identity: &SigningIdentity) -> Result<Statement, CliError> {
    let unusable = |reason: &str| CliError::message(codes::COUNTER, reason.to_owned()).about(path);
    let bytes = files::read(path, Bundle::MAX_SIZE)?;
    let bundle = Bundle::parse(&bytes).map_err(|_| unusable("the bundle there is malformed"))?;
    let (leaf, ca) = bundle.certificates();
    let certificates = (
        Certificate::parse(leaf, CertificateKind::Leaf, Role::Verifier),
        Certificate::parse(ca, CertificateKind::Ca, Role::Verifier),
    );
    let (Ok(leaf), Ok(ca)) = certificates else {
        return Err(unusable(
            "the certificates of the bundle there are malformed",
        ));
    };
    let own_ca = Certificate::parse(identity.chain().1, CertificateKind::Ca, Role::Verifier);
    let same_ca = own_ca.is_ok_and(|own| own.key() == ca.key());
    let signed = leaf
        .key()
        .verify(&bundle.to_be_signed(), bundle.signature())
        .is_ok();
    if !(same_ca && leaf.is_issued_by(&ca) && signed) {
        return Err(unusable(
            "the bundle there was not signed under the CA of this signer",
        ));
    }
    Statement::decode(bundle.payload()).map_err(|_| unusable("the statement there is malformed"))
}
