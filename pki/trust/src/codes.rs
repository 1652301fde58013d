//! Diagnostics about certificates, signatures and trust bundles.

platform_click::codes! {
    CERTIFICATE_ENCODING = "BPF-T001", Signature, "a certificate is not in DER",
        "Certificates are read byte-strictly: whatever is not the one DER encoding of its content is refused, since other encodings would give one certificate several digests. Issue it again; `bpfsign pki init` makes certificates of this form.";
    CERTIFICATE_ALGORITHM = "BPF-T002", Untrusted, "a certificate uses another algorithm",
        "Keys are on P-256 and signatures are ECDSA with SHA-256. Make a key on P-256 and issue the certificate again.";
    CERTIFICATE_FIELD = "BPF-T003", Untrusted, "a field of a certificate is not as the profile says",
        "`docs/formats.md`, section \"Certificate profile\", lists each field. Issue the certificate again; `bpfsign pki init` makes certificates of this profile.";
    CERTIFICATE_EXTENSIONS = "BPF-T004", Untrusted, "the extensions of a certificate are not those of the profile",
        "A certificate has exactly the extensions of `docs/formats.md`, each once. An extension that the loader does not know could limit what the certificate is for, so none is ignored.";
    CA_AS_LEAF = "BPF-T005", Untrusted, "a CA certificate stands where the leaf belongs",
        "A key that issues certificates does not sign statements. Sign with a leaf, such as that in the `signer.pem` of `bpfsign pki init`.";
    LEAF_AS_CA = "BPF-T006", Untrusted, "a leaf certificate stands where the CA belongs",
        "Only a CA may issue certificates. Put the chain in the order leaf, CA, and check who issued the leaf.";
    KEY_USAGE = "BPF-T007", Untrusted, "the key usage of a certificate is not as the profile says",
        "A CA has keyCertSign, a leaf digitalSignature alone. A certificate made for another purpose does not serve here.";
    EXTENDED_KEY_USAGE = "BPF-T008", Untrusted, "a certificate is for another purpose",
        "CA and leaf have exactly the extended key usage of their role; anyExtendedKeyUsage does not replace it. Use the certificate that was issued for this role.";
    PATH_LENGTH = "BPF-T009", Untrusted, "the path length of a CA is not 0",
        "The CA issues leaves and no further CA. Issue the CA certificate again with path length 0.";
    UNKNOWN_ISSUER = "BPF-T010", Untrusted, "the chain does not lead to a root of the trust bundle",
        "The signer belongs to another organisation, or the trust bundle is that of another installation. `bpfsign inspect` shows the issuer and the roots of a trust bundle.";
    CHAIN = "BPF-T011", Untrusted, "the certificates do not form a chain",
        "A chain is the leaf and the CA that issued it. Take both from the same `signer.pem`.";
    CHAIN_SIGNATURE = "BPF-T012", Untrusted, "the signature on a certificate is not its issuer's",
        "The certificate was altered, or issued by another key under the same name.";
    EXPIRED = "BPF-T013", Validity, "a certificate has expired",
        "Renew the certificate and sign again. If the clock is wrong: it can be ahead of the signed time, never behind it.";
    NOT_YET_VALID = "BPF-T014", Validity, "a certificate is not yet valid",
        "Set the clock of the machine, or wait. A loader's time never falls below what signed files have told it.";
    REVOKED = "BPF-T015", Revoked, "a key of the chain is revoked",
        "The trust bundle lists this key as revoked. Sign again with another key; do not restore the old one.";
    EPOCH = "BPF-T016", Revoked, "the leaf is of an epoch that has ended",
        "The trust bundle ended the older epochs of this CA. Issue a leaf of the present epoch and sign again.";
    SIGNATURE_FORM = "BPF-T017", Signature, "a signature is not in its one allowed form",
        "A signature is r || s with both from 1 to n − 1 and s in the lower half. `bpfsign` writes this form; a signer of your own has to normalise s.";
    SIGNATURE = "BPF-T018", Signature, "a signature does not belong to what is signed",
        "The file was altered after signing, or another key signed it. Sign it again.";
    NAME_SCOPE = "BPF-T019", Policy, "the signer may not sign for this name",
        "The scope of the leaf limits names by prefix. Use a leaf whose scope covers the program, or another name.";
    SIGNED_TIME = "BPF-T020", Validity, "the signed time lies outside the signer's validity",
        "A signer vouches only for times at which its certificates are valid. Set the clock of the signing machine and sign again.";
    TRUST_BUNDLE_FORMAT = "BPF-T021", Signature, "a trust bundle is malformed",
        "Trust bundles are read byte-strictly. Fetch the file again; `bpfsign inspect` shows one that can be read.";
    TRUST_BUNDLE_CONTENT = "BPF-T022", Untrusted, "the content of a trust bundle contradicts itself or exceeds a limit",
        "`docs/formats.md`, section \"Trust bundle\", lists each field. Build the bundle again.";
    TRUST_BUNDLE_SIGNATURES = "BPF-T023", Untrusted, "a trust bundle is not signed by enough root keys",
        "Distinct root keys are counted, both those of the bundle and those that the loader holds. Have the missing keys sign, or fetch the bundle of this installation.";
    TRUST_BUNDLE_VERSION = "BPF-T024", Rollback, "a trust bundle is not the next version",
        "Versions of trust bundles rise by one, without gaps. Install the versions between one after the other; an older one is never taken.";
    TRUST_BUNDLE_EXPIRED = "BPF-T025", Validity, "the trust bundle is not valid now",
        "Install the current version of the trust bundle, or set the clock.";
    PLATFORM = "BPF-T026", Platform, "the trust bundle does not allow this platform",
        "The trust bundle lists platforms by name and version. Verify and sign for one of them.";
    ENGINE = "BPF-T027", Platform, "the trust bundle does not accept this verifier",
        "The verifier's version is below what the trust bundle demands. Verify and sign with a newer one.";
    GATES_DISAGREE = "BPF-T028", Untrusted, "the two validators of certificates disagree",
        "Both must accept a chain and read the same fields in it. Report this chain as a defect: one of them misreads it.";
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn identifiers_are_numbered_without_gaps() {
        for (index, code) in ALL.iter().enumerate() {
            assert_eq!(code.id, format!("BPF-T{:03}", index + 1));
        }
    }
}
