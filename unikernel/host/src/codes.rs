//! Diagnostics of the process; those of configurations and routers are in `click_graph::codes`.

platform_click::codes! {
    RANDOM = "BPF-C100", Internal, "the system gives no random numbers",
        "Maps are protected by a random number; check that the process may call getrandom(2).";
    COMMAND_LINE = "BPF-C101", Usage, "the command line does not fit",
        "One file, `--file` or `--expression` is the configuration; `NAME=VALUE` sets a variable of it. The exit handler says a number, true or false.";
    PROGRAM = "BPF-C102", Usage, "it is not clear which program is meant",
        "Name one of the object's programs with `--program NAME`; `bpfsign disasm` lists them.";
    PRIVILEGES = "BPF-C104", Io, "privileges cannot be given up",
        "Once its devices are open, the process needs none. `--user NAME` needs root, and a user of that name.";
    SEND = "BPF-C105", Io, "a test packet cannot be sent",
        "Check the address, the route to it, and for TCP that somebody listens there.";
    LOAD = "BPF-C103", Input, "a program cannot be made ready to run",
        "It calls a helper that the platform does not have or that is not for its kind, or its maps need more memory than a program may have; `bpfsign verify` says more.";
    IMAGE = "BPF-C106", Usage, "there is no image to start",
        "`cargo build --release` in `unikernel/image` builds it; name it with `--image` or BPFCLICK_IMAGE, or put it beside `bpfclick` as `unikernel`.";
    VM_FILE = "BPF-C107", Usage, "a file cannot be handed to a machine",
        "Names have 1 to 255 bytes, a machine has at most 256 files; `--add NAME=FILE` gives a file another name.";
    QEMU = "BPF-C108", Io, "QEMU does not do what it should",
        "On Debian: apt-get install qemu-system-x86. Its own messages are above; `--print-command` shows how it is started.";
}
