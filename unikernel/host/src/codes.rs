//! Diagnostics of the process; those of configurations and routers are in `click_graph::codes`.

platform_click::codes! {
    RANDOM = "BPF-C100", Internal, "the system gives no random numbers",
        "Maps are protected by a random number; check that the process may call getrandom(2).";
}
