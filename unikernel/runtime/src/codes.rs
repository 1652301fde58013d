//! Diagnostics about loading and running programs.

platform_click::codes! {
    MEMORY_ACCESS = "BPF-R001", Undecided, "a memory access left what the program may touch",
        "A verified program cannot do this: the proof is contradicted. The packet is dropped; do not sign or run the program, and report it with the input.";
    UNINITIALISED = "BPF-R002", Undecided, "the program used a value that it never wrote",
        "A verified program cannot do this: the proof is contradicted. Initialise the variable in the source, and report the program.";
    OUT_OF_FUEL = "BPF-R003", Undecided, "the program ran longer than it may",
        "The run was stopped and the packet dropped. If a bound was proved, the proof is contradicted; else the program's loops need a smaller bound, or the program more fuel.";
    CALL_DEPTH = "BPF-R004", Undecided, "local calls are nested too deep",
        "The platform has 8 frames of 512 bytes. A verified program cannot exceed them: the proof is contradicted.";
    HELPER_ARGUMENT = "BPF-R005", Undecided, "a helper got an argument that it does not take",
        "A verified program passes maps and sizes that were proved to fit: the proof is contradicted.";
    NOT_EXECUTABLE = "BPF-R006", Internal, "execution reached a slot that holds no instruction",
        "An image has no such slot on any path: this is a defect of the runtime. Report it.";
    HELPER = "BPF-R007", Platform, "the program calls a helper that it may not call",
        "`bpfsign platform show` lists the helpers and the kinds of program that may call each.";
    MAP_SHAPE = "BPF-R008", Policy, "a map does not have the shape that the program needs",
        "A map that survives a live replacement must keep kind, key size, value size and number of entries. Give the new map another name, or replace the element instead of its program.";
    MAP_MEMORY = "BPF-R009", Policy, "the program's maps or data do not fit into memory",
        "Maps and data are allocated before the program starts. Lower max_entries, or give the process more memory.";
    PACKET = "BPF-R010", Input, "a packet does not have a length that the platform takes",
        "Packets have at most 65,534 bytes: verifiers hold longer ones for impossible.";
    UNREACHABLE = "BPF-R011", Undecided, "a program came to a place that was proved to be out of reach",
        "The proof is contradicted. The packet is dropped; do not sign or run the program, and report it with the input.";
}
