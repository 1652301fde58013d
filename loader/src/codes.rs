//! Diagnostics about admission and the state directory.

platform_click::codes! {
    NO_BUNDLE = "BPF-L001", NoBundle, "the object is not signed",
        "Nothing runs unsigned. Sign the object with `bpfsign verify-and-sign`, or pass the path of its bundle.";
    OBJECT_SIZE = "BPF-L002", Input, "the object is empty or larger than allowed",
        "The length is bounded before anything is read: `bpfsign platform show` lists the limit.";
    OBJECT_DIGEST = "BPF-L003", Mismatch, "the bundle was made for another object",
        "The signed digest is not that of this file: the file was changed or exchanged after it was signed. Take the object that belongs to the bundle, or verify and sign this one.";
    NAME = "BPF-L004", Policy, "the bundle is for another name",
        "An element takes only objects signed under the names of its NAME key (the stem of FILE where there is none). Correct the key, or sign with `--name`.";
    KIND = "BPF-L005", Policy, "the program is of another kind",
        "A filter cannot stand in for a classifier or a rewriter: what its return values mean is part of the proof. Use the element that belongs to the program.";
    PROGRAM = "BPF-L006", Policy, "the program to be run is not determined",
        "The object has no program of this name, or has several: set the PROGRAM key to one that the bundle lists (`bpfsign inspect`).";
    OUTPUTS = "BPF-L007", Policy, "the classifier may name an output that the element does not have",
        "Connect more outputs: the bundle says which is the highest that the program may return.";
    PLATFORM = "BPF-L008", Platform, "the program was verified for another platform",
        "What it was proved against (helpers, context, limits) is not what this loader has. Verify and sign it with a tool of the same platform version, and see that the trust bundle allows it.";
    PROFILE = "BPF-L009", Platform, "the program was verified with other options",
        "A proof with weaker options does not count. Sign with the platform's profile, which bpfsign uses by itself.";
    FUEL = "BPF-L010", Policy, "the end of the program is not proved",
        "The statement relies on the runtime's fuel, and the trust bundle does not accept that. Bound the loops so that termination can be proved, or accept fuel in the trust bundle.";
    MAP_SYNC = "BPF-L011", Platform, "a map asks for agreement between instances",
        "This loader keeps maps in one instance only. Sign the program with maps that do not ask for synchronisation.";
    ROLLBACK = "BPF-L012", Rollback, "the program is older than one that was admitted before",
        "Its counter is below the stored one. Load the newer version, or sign this one again with a higher counter.";
    EQUIVOCATION = "BPF-L013", Rollback, "another object was admitted with the same counter",
        "One counter stands for one object. Sign again with a higher counter (`--counter auto` sees to it).";
    WEAKER_STATEMENT = "BPF-L014", Rollback, "the same object was admitted with another statement of the same counter",
        "Images, kinds, profile and platform must stay as they were for a counter. Sign again with a higher counter.";
    JUMP = "BPF-L015", Rollback, "the counter rises by more than allowed",
        "A counter driven to its end would lock out every later version, so a step has at most 65,536. Sign again with the next counter, or set it anew in the trust bundle.";
    STATEMENT_EXPIRED = "BPF-L016", Validity, "the statement has expired",
        "Verify and sign the object again.";
    PROGRAM_SET = "BPF-L017", Mismatch, "the bundle does not list exactly the programs of the object",
        "Every program of an object is verified or none counts. Verify and sign the object again.";
    IMAGE_DIGEST = "BPF-L018", Mismatch, "the program links to another image than the one verified",
        "Verifier and loader read the object differently: their versions differ. Verify and sign it with the version of this loader.";
    FACTS = "BPF-L019", Mismatch, "the bundle describes the program wrongly",
        "A signed fact is not what the object shows. Verify and sign it again with an unmodified tool.";
    FRAME = "BPF-L020", Mismatch, "an instruction reaches outside of its stack frame",
        "A frame has 512 bytes below r10, and no verifier that is sound accepts an access beside it. Find out how this program came to be signed.";
    RUNNING_MAP = "BPF-L021", Policy, "a running map has another shape",
        "A map keeps its contents over replacement by name, so its shape must stay. Rename the map in the program, or stop the element first.";
    MAP_MEMORY = "BPF-L022", Policy, "the maps take more memory than there is for them",
        "Maps are allocated before the program starts. Reduce max_entries, or give the element more memory.";
    STATE_FULL = "BPF-L023", Io, "the state holds as many names as it can",
        "A state directory keeps the counters of 32 names for good. Use another state directory for other programs.";
    TRUST_ROLLBACK = "BPF-L024", Rollback, "the trust bundle is older than one that was used before",
        "An old trust bundle could bring revoked keys back. Use the newest one.";
    TRUST_EQUIVOCATION = "BPF-L025", Rollback, "another trust bundle of the same version was used before",
        "There is one trust bundle of each version. Find out who signed the second.";
    TRUST_NOT_PINNED = "BPF-L026", Untrusted, "the trust bundle is not of the root keys that the state was provisioned with",
        "A state pins the root keys of the trust bundle given to `bpfsign state init`. Pass a trust bundle that they have signed.";
    WORST_CASE = "BPF-L027", Policy, "the program may run longer than allowed",
        "The element's MAXINSNS (or `--max-insns`) is the most that one packet may cost, the statement says what was proved (`bpfsign inspect`). Bound the program's loops lower, or allow more.";
    STATE_ABSENT = "BPF-L030", Io, "there is no state",
        "The state directory is made once, on purpose, by `bpfsign state init --state DIR --trust FILE`; it is never made by itself, or deleting it would undo every counter.";
    STATE_DAMAGED = "BPF-L031", Io, "the state is damaged",
        "It is never repaired by itself, or damaging it would undo every counter. Restore it from a backup, or provision the machine anew.";
    STATE_EXISTS = "BPF-L032", Io, "there is a state already",
        "Making it anew would undo every counter. Use another directory.";
    STATE_IO = "BPF-L033", Io, "the state cannot be read or written",
        "Check path, permissions and space; nothing was admitted.";
}
