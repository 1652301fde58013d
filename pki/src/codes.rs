//! Diagnostics about keys and about the making of certificates.

platform_click::codes! {
    KEY_UNREADABLE = "BPF-P001", Key, "a key cannot be read",
        "`--key` takes a file with a key in PEM, and for signing with its chain: `bpfsign pki init` makes `signer.pem`.";
    KEY_PERMISSIONS = "BPF-P002", Key, "others may read a key",
        "A key that others can read is not a secret any more. If it has not been read: chmod 600; otherwise revoke it.";
    KEY_FORMAT = "BPF-P003", Key, "a file holds no key in the form that is read",
        "Keys are PKCS#8 in PEM (`BEGIN PRIVATE KEY`). `openssl pkcs8 -topk8 -nocrypt -in old.pem -out new.pem` makes one of older forms.";
    KEY_ENCRYPTED = "BPF-P004", Key, "a key is encrypted",
        "`openssl pkey -in KEY.pem -out PLAIN.pem` decrypts one; keep the result on a disk that is encrypted itself.";
    KEY_ALGORITHM = "BPF-P005", Key, "a key is not on P-256",
        "Signatures are ECDSA on P-256 with SHA-256 and nothing else. `bpfsign pki init` and `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` make such keys.";
    KEY_CHAIN = "BPF-P006", Key, "a key does not come with the chain that belongs to it",
        "To sign, the file holds the key, its leaf certificate and the CA that issued it, in this order. `bpfsign pki init` writes them into `signer.pem`.";
    KEY_KIND = "BPF-P007", Key, "keys of this kind are not available",
        "This build reads keys from files and from variables (`env:NAME`). Tokens (`pkcs11:`) and commands (`exec:`) are not part of it.";
    EXISTS = "BPF-P008", Usage, "the directory exists",
        "Nothing that may hold keys is overwritten. Name a directory that does not exist yet.";
    WRITE = "BPF-P009", Io, "a file cannot be written",
        "Check that the directory exists, that you may write there, and that the disk is not full. What was begun has been removed.";
    OPTION = "BPF-P010", Usage, "an option has a value that cannot be used",
        "The message names the option and what it may be.";
    RANDOM = "BPF-P011", Io, "the system gives no random numbers",
        "Keys are made from the random numbers of the operating system alone.";
    ISSUE = "BPF-P012", Internal, "a certificate could not be made",
        "Please report this: whatever the options allow can be issued.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_numbered_without_gaps() {
        for (index, code) in ALL.iter().enumerate() {
            assert_eq!(code.id, format!("BPF-P{:03}", index + 1));
        }
    }
}
