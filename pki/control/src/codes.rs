//! Diagnostics about the control channel.

platform_click::codes! {
    SCOPE = "BPF-N001", Policy, "the operator's certificate does not reach that far",
        "Its scope names prefixes, and the program is outside of them, or the operation is on the whole instance. Use a certificate whose scope covers it.";
    EXPIRED = "BPF-N002", Validity, "the control message has expired, or was signed outside of its signer's certificates",
        "Send it again. If the instance has no clock, an operator tells it the time in answer to its nonce.";
    TOO_MUCH = "BPF-N003", Input, "the control message brings more than the instance takes",
        "Attachments together are limited. Send fewer at a time.";
    ATTACHMENT = "BPF-N004", Input, "an attachment is not what the operation asks for",
        "An object, a bundle, map contents, keys or a trust bundle of the form that docs/formats.md has.";
    SILENT = "BPF-N005", Io, "the instance does not answer",
        "Check address, network and whether the instance was started with `--control`. A message that does not count gets no reply.";
    TURNED_AWAY = "BPF-N006", Untrusted, "the instance does not accept the control message",
        "It says no more to somebody whom it cannot authenticate. The operator's certificate may not be trusted there, have expired or be revoked; or another operator was faster, then it can be sent again.";
    REPLY = "BPF-N007", Signature, "the reply does not count",
        "It is not signed by a device that the trust bundle vouches for, or belongs to another request. Find out who answers at this address.";
    DENIED = "BPF-N008", Policy, "the control program denies the operation",
        "An operator with a break-glass certificate can do it all the same, or replace the control program.";
    ELEMENT = "BPF-N009", Usage, "there is no such element, map or handler",
        "The status of the instance lists the elements that run programs, and their maps are in the handler `maps`.";
    NONCE = "BPF-N010", Rollback, "the answer is to another nonce",
        "A nonce counts until the next one is drawn, and in one session only. Draw one anew.";
    NOT_STORED = "BPF-N011", Input, "the instance has no object of this name",
        "Send the object and its bundle: they are stored under their name when they are admitted.";
    UNSUPPORTED = "BPF-N012", Usage, "the instance does not do that",
        "It was built without this operation, or runs in a mode that excludes it.";
    NO_MEMORY = "BPF-N013", Io, "the instance has no room for that",
        "Free memory or storage there.";
}
