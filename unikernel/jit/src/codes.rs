//! Diagnostics about machine code.

platform_click::codes! {
    MACHINE = "BPF-J001", Policy, "there is no compiler for this machine",
        "Programs are compiled on x86-64 only. Leave JIT out of the configuration, or set it to false: the program is interpreted.";
    CALL_DEPTH = "BPF-J002", Policy, "local calls may be nested too deep",
        "The platform has 8 frames, and machine code has no test for a ninth: no chain of calls in the program may be longer, and no function may call itself. Inline some functions, or set JIT to false: the interpreter counts frames as it goes.";
    MEMORY = "BPF-J003", Policy, "there is no memory for machine code",
        "Code and stack of each program take a few pages that are mapped with their own protection. Give the process more memory or more mappings, or set JIT to false.";
}
