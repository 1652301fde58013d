//! Diagnostics about keys and about the making of certificates.

platform_click::codes! {
    KEY_UNREADABLE = "BPF-P001", Key, "a key cannot be read",
        "`--key` takes a file with a key in PEM, and for signing with its chain: `bpfsign pki init` makes `signer.pem`. Keys of roots that are kept offline are found with `--offline-root`.";
    KEY_PERMISSIONS = "BPF-P002", Key, "others may read a key",
        "A key that others can read is not a secret any more. If it has not been read: chmod 600; otherwise revoke it.";
    KEY_FORMAT = "BPF-P003", Key, "a file holds no key in the form that is read",
        "Keys are PKCS#8 in PEM (`BEGIN PRIVATE KEY`). `openssl pkcs8 -topk8 -nocrypt -in old.pem -out new.pem` makes one of older forms.";
    KEY_ENCRYPTED = "BPF-P004", Key, "an encrypted key cannot be opened",
        "The passphrase is asked for at the terminal, or read from `--passphrase-file` or `--passphrase-fd`. Keys are encrypted as PKCS#8 with PBES2: `openssl pkcs8 -topk8 -scrypt -in OLD.pem -out NEW.pem` makes one of older forms.";
    KEY_ALGORITHM = "BPF-P005", Key, "a key is not on P-256",
        "Signatures are ECDSA on P-256 with SHA-256 and nothing else. `bpfsign pki init` and `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` make such keys.";
    KEY_CHAIN = "BPF-P006", Key, "a key does not come with the chain that belongs to it",
        "To sign, the file holds the key, its leaf certificate and the CA that issued it, in this order. `bpfsign pki init` writes them into `signer.pem`.";
    KEY_KIND = "BPF-P007", Key, "keys of this kind are not available",
        "This build reads keys from files and variables (`env:NAME`) and lets commands sign (`exec:COMMAND`). Tokens (`pkcs11:`) take a build with the feature `pkcs11`.";
    EXISTS = "BPF-P008", Usage, "the file or directory exists",
        "Nothing that may hold keys is overwritten. Name one that does not exist yet.";
    WRITE = "BPF-P009", Io, "a file cannot be written",
        "Check that the directory exists, that you may write there, and that the disk is not full. What was begun has been removed.";
    OPTION = "BPF-P010", Usage, "an option has a value that cannot be used",
        "The message names the option and what it may be.";
    RANDOM = "BPF-P011", Io, "the system gives no random numbers",
        "Keys are made from the random numbers of the operating system alone.";
    ISSUE = "BPF-P012", Internal, "a certificate could not be made",
        "Please report this: whatever the options allow can be issued.";
    KEY_COMMAND = "BPF-P013", Key, "a command did not sign",
        "A key `exec:COMMAND` signs by `sh -c COMMAND`: the message on standard input, the ECDSA signature with SHA-256 on standard output, as 64 bytes r || s or in DER. What the command says itself is above.";
    KEY_TOKEN = "BPF-P014", Key, "a token cannot be used",
        "A key in a token is `pkcs11:token=LABEL;object=LABEL?module-path=/PATH/TO/LIBRARY.so` (RFC 7512), with `id=%01%02` where labels are not enough. The PIN is asked for as a passphrase is, or read from `pin-source=file:/PATH`.";
    NOT_A_ROOT_KEY = "BPF-P015", Key, "a key does not sign trust bundles",
        "Trust bundles are signed by root keys of the one before and of their own; `bpfsign pki trust show FILE` lists them.";
    READ = "BPF-P016", Input, "a file of the PKI cannot be read",
        "Check that the file exists and that you may read it. `--dir` names the directory that `bpfsign pki init` made.";
    REQUEST = "BPF-P017", Input, "a request for a certificate counts for nothing",
        "Requests are PKCS#10 in PEM, for a key on P-256 and signed by it: `bpfsign pki csr` and `openssl req -new` make them.";
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
