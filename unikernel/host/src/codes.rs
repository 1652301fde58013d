//! Diagnostics of the process; those of configurations and routers are in `click_graph::codes`.

platform_click::codes! {
    RANDOM = "BPF-C100", Internal, "the system gives no random numbers",
        "Maps are protected by a random number; check that the process may call getrandom(2).";
    COMMAND_LINE = "BPF-C101", Usage, "the command line names two configurations",
        "One file, `--file` or `--expression` is the configuration; `NAME=VALUE` sets a variable of it.";
}
