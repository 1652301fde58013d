//! Diagnostics about objects and images.

platform_click::codes! {
    INSTRUCTION = "BPF-O001", Input, "an instruction is not valid",
        "Instructions are decoded strictly as RFC 9669 defines them: an unknown opcode, or a reserved field that is not zero, is refused. Compile with clang for `-target bpf`, -mcpu=v1 to v4.";
    IMAGE = "BPF-O002", Input, "the program has no valid structure",
        "Jumps must stay within their function, functions must end with an exit or a jump, and references must have a target.";
    MAP_SHAPE = "BPF-O003", Input, "a map definition is out of bounds",
        "The platform bounds key size, value size and number of entries; `bpfsign platform show` lists the limits.";
    NOT_AN_OBJECT = "BPF-O004", Input, "the file is not an eBPF object",
        "Pass the file that `clang -target bpf -c` writes: an ELF file with the suffix .o.";
    ARCHITECTURE = "BPF-O005", Input, "the object is for another machine",
        "Only 64-bit little-endian BPF is taken. Compile with `clang -target bpf` (or bpfel), not for the host and not for bpfeb.";
    NOT_RELOCATABLE = "BPF-O006", Input, "the file is not a relocatable object",
        "Executables and shared objects are already linked; pass the output of `clang -c`.";
    MALFORMED = "BPF-O007", Input, "the ELF file is malformed",
        "A table or section of the file lies out of bounds or has a form that no compiler writes. The file is damaged, cut short or forged: compile it again.";
    AMBIGUOUS = "BPF-O008", Input, "the object can be read in two ways",
        "Sections that overlap, or two sections, programs or symbols of one name, would let two readers see two programs. Give each its own name and compile again.";
    SYMBOL = "BPF-O009", Input, "a symbol is not valid",
        "Each symbol must lie within its section; functions must start and end at instructions and must not overlap. Common and thread-local symbols are not taken: compile with -fno-common.";
    UNKNOWN_SECTION = "BPF-O010", Input, "code in a section of unknown name",
        "The section of a program says what it is for: SEC(\"filter\"), SEC(\"classifier\"), SEC(\"rewriter\") or SEC(\"control\"), each also with a suffix as in \"filter/name\". Functions without SEC belong to .text.";
    NO_PROGRAM = "BPF-O011", Input, "there is no such program in the object",
        "A program is a global (not static) function in a program section, as in SEC(\"filter\") int name(struct click_ctx *ctx). Early versions of clang do not mark functions as such in the symbol table: use a recent one.";
    RELOCATION = "BPF-O012", Input, "a relocation cannot be resolved",
        "Code may refer to maps, to data in .rodata, .data and .bss, and call functions of the same object; nothing else can be resolved. Function pointers, external symbols and CO-RE are not supported.";
    UNDEFINED = "BPF-O013", Input, "a symbol is used but not defined",
        "Nothing is linked to an object after it was compiled. Define the function or variable in the same source file, or include its source.";
    FORGED_REFERENCE = "BPF-O014", Input, "an instruction refers to a map or to data without a relocation",
        "The source field of a wide load is set only by the linker of this project. A compiler does not write it: the file was patched.";
    BTF = "BPF-O015", Input, "the type information (BTF) is malformed",
        "Map definitions and source lines are read from the sections .BTF and .BTF.ext. Compile again with `clang -g`.";
    MAP_DEFINITION = "BPF-O016", Input, "a map definition is not understood",
        "A map takes type, max_entries, and key and value (or key_size and value_size), in SEC(\".maps\") and compiled with -g. Flags, pinning and inner maps are not supported.";
    MAP_KIND = "BPF-O017", Input, "the platform has no map of this kind",
        "`bpfsign platform show` lists the kinds of map: hash (1) and array (2).";
    LIMIT = "BPF-O018", Input, "the object is larger than a limit of the platform",
        "Files, programs, maps, instructions and data are bounded, so that a loader's work is; `bpfsign platform show` lists the limits. Split the object, or make it smaller.";
    NAME = "BPF-O019", Input, "a name is not usable",
        "Names go into statements, logs and handlers: 1 to 63 letters, digits, `.`, `_` or `-` for programs, maps and data sections, and printable ASCII elsewhere.";
}
