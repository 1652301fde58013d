//! Diagnostics about statements, bundles and other signed messages.

platform_click::codes! {
    ENCODING = "BPF-S001", Signature, "the message is not in the one encoding that is allowed",
        "Signed messages are deterministic CBOR of a fixed shape, without spare or trailing bytes. The file is damaged or was not made by bpfsign: take it from its source again, or sign the object anew.";
    SIZE = "BPF-S002", Signature, "the message is larger than allowed",
        "The length is bounded before anything is read. This is not a file made by bpfsign.";
    PURPOSE = "BPF-S003", Signature, "the message was signed for another purpose",
        "A signature counts only for the kind of message it was made for: pass a bundle where a bundle is asked for, a trust bundle where a trust bundle is.";
    ALGORITHM = "BPF-S004", Signature, "the signature algorithm is not ES256",
        "ECDSA over P-256 with SHA-256 is the only algorithm; the message cannot choose another.";
    UNPROTECTED = "BPF-S005", Signature, "the message has an unprotected header",
        "What the signature does not cover is not read, so it has to be empty. Somebody added to the message after it was signed.";
    SIGNATURE_SIZE = "BPF-S006", Signature, "the signature is not 64 bytes",
        "A signature is r and s, 32 bytes each, as RFC 9053 has it, not DER.";
    CERTIFICATES = "BPF-S007", Signature, "the certificates in the message are not two of allowed size",
        "A bundle carries exactly the signer's certificate and its CA's, each of at most 2 KiB; the root is in the trust bundle.";
    VERSION = "BPF-S008", Platform, "the message has a version that is not known here",
        "It was made by a newer tool. Update this one, or sign with the version that this one reads.";
    CLAIMS = "BPF-S009", Signature, "the statement contradicts itself or leaves its limits",
        "bpfsign makes no such statement. Sign the object anew with an unmodified tool.";
    UNKNOWN = "BPF-S010", Platform, "the statement names something that the platform does not have",
        "A helper, map kind or program kind is of another platform or of a newer version of this one: `bpfsign platform show` lists what there is.";
    MESSAGE = "BPF-S012", Signature, "the message contradicts itself or leaves its limits",
        "bpfsign and bpfclick make no such control message, reply, evidence or map contents: docs/formats.md has the rules.";
    NAME = "BPF-S011", Usage, "a name or text is not usable",
        "Statement names are 1 to 31 characters of a-z, 0-9, `.`, `_` and `-`, and neither `.` nor `..`; program and map names 1 to 63 with A-Z as well; texts at most 127 printable ASCII characters.";
}
