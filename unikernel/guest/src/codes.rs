//! Diagnostics of a machine that starts.

platform_click::codes! {
    START = "BPF-U001", Internal, "the loader did not start the image as it wants to be started",
        "The image is started by PVH, as QEMU's `-kernel` does; `bpfclick vm run` knows how.";
    MEMORY = "BPF-U002", Usage, "there is too little memory",
        "Give the machine more, with `--memory`; 16 MiB are enough for a few programs with small maps.";
    COMMAND_LINE = "BPF-U003", Usage, "the kernel's command line is not understood",
        "`bpfclick vm run --print-command` shows a command line that is.";
    ARCHIVE = "BPF-U004", Input, "the module is no archive",
        "It is one in the form that `cpio --format=newc` writes; `bpfclick vm run` makes it.";
    MODULE = "BPF-U005", Input, "a file is missing in the module",
        "The module holds `config.click`, and for programs `trust.bpftrust`, objects and their bundles; `bpfclick vm run` makes it.";
    ENTROPY = "BPF-U006", Io, "the machine has no random numbers",
        "Give it a device for them (`-device virtio-rng-device`) or a processor that has them (RDRAND); without, nothing that has to be unguessable would be.";
    CLOCK = "BPF-U007", Io, "the machine has no clock that can be used",
        "The image needs a timer (i8254) to measure the processor's counter with.";
    DEVICE = "BPF-U008", Io, "a device does not work",
        "Devices are virtio, on PCI or in memory (mmio), with queues of 256 buffers.";
    TRUST = "BPF-U009", Untrusted, "the image trusts nobody",
        "Programs need whom to trust: name the trust bundle when the image is started (`--trust`).";
}
