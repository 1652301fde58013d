//! Diagnostics about objects and images.

platform_click::codes! {
    INSTRUCTION = "BPF-O001", Input, "an instruction is not valid",
        "Instructions are decoded strictly as RFC 9669 defines them: an unknown opcode, or a reserved field that is not zero, is refused. Compile with clang for `-target bpf`, -mcpu=v1 to v4.";
    IMAGE = "BPF-O002", Input, "the program has no valid structure",
        "Jumps must stay within their function, functions must end with an exit or a jump, and references must have a target.";
    MAP_SHAPE = "BPF-O003", Input, "a map definition is out of bounds",
        "The platform bounds key size, value size and number of entries; `bpfsign platform show` lists the limits.";
}
