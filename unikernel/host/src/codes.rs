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
}
