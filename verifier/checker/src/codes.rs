//! Diagnostics of the checker.

platform_click::codes! {
    UNSET = "BPF-K001", Rejected, "a register is used that has no value",
        "The register is not set on every path, or a call has destroyed it: r1 to r5 do not survive calls, and a function starts with nothing but its arguments.";
    STALE_PACKET = "BPF-K002", Rejected, "a packet pointer is used after the packet may have moved",
        "Load `data` and `data_end` from the context again after the call, and compare again.";
    MAYBE_NULL = "BPF-K003", Rejected, "a map value is used that may be null",
        "A lookup returns null when the key is absent. Test the pointer before the first access and before any arithmetic: null plus an offset is not null, so a later test proves nothing.";
    STACK_BOUNDS = "BPF-K004", Rejected, "stack access out of bounds",
        "A function has 512 bytes of stack below its frame pointer and nothing above it. Bound a variable index by a comparison right before the access.";
    STACK_UNINITIALISED = "BPF-K005", Rejected, "stack is read before it is written",
        "Every byte that is read, or handed to a helper, must have been written on every path; padding counts.";
    PACKET_BOUNDS = "BPF-K006", Rejected, "packet access out of bounds",
        "Compare the end of what you access with `data_end` first, on every path, with the pointer that you use afterwards: `if (p + n > data_end) return ...;`.";
    VALUE_BOUNDS = "BPF-K007", Rejected, "access behind the end of a map value or of data",
        "Each access must lie within the value size of the map, or within the data section. Bound a variable index by a comparison right before the access.";
    CONTEXT = "BPF-K008", Rejected, "illegal access to the context",
        "An access must lie within one field; `data` and `data_end` are read whole; only `mark` and `delay_ns` are written, whole.";
    READ_ONLY = "BPF-K009", Rejected, "read-only data is written",
        "Constants lie in `.rodata`. Make the variable non-const to have it in `.data` or `.bss`.";
    POINTER = "BPF-K010", Rejected, "a value of the wrong type is used",
        "A number is used as a pointer, or a pointer as a number. Pointers allow 64-bit addition and subtraction of bounded numbers, and nothing else.";
    COMPARISON = "BPF-K011", Rejected, "pointers are compared that have nothing in common",
        "Pointers are compared with pointers into the same object, packet pointers also with `data_end`, and with null for equality.";
    LEAK = "BPF-K012", Rejected, "an address would become visible outside the program",
        "Addresses must not be returned, nor stored in packets, maps, data or the context. On the stack they are stored whole and aligned.";
    DIVISION_BY_ZERO = "BPF-K013", Rejected, "division by a number that may be zero",
        "Test the divisor before the division: `if (n == 0) return ...;`.";
    HELPER = "BPF-K014", Rejected, "the helper cannot be called here",
        "`bpfsign platform show` lists the helpers of the platform and for each the kinds of program that may call it.";
    ARGUMENT = "BPF-K015", Rejected, "a helper is called with a wrong argument",
        "Maps come from a map definition; keys, values and texts are initialised memory of the right size; sizes are positive and bounded.";
    RETURN = "BPF-K016", Rejected, "a return value is outside of what the kind allows",
        "Return one of the constants that `click_bpf.h` defines for the kind of program; bound a computed value by a comparison or a mask.";
    CALL_DEPTH = "BPF-K017", Rejected, "calls are recursive or nested too deeply",
        "There are eight frames of 512 bytes. Turn recursion into a loop, or let the compiler inline.";
    ATOMIC = "BPF-K018", Rejected, "an atomic operation where none is possible",
        "Atomic operations work on naturally aligned numbers on the stack, in map values and in writable data.";
    NO_EXIT = "BPF-K019", Rejected, "the program never ends",
        "No path leads to an exit.";
    ENDLESS = "BPF-K020", Rejected, "a loop is not shown to end",
        "Count the iterations and leave the loop by a comparison of the counter with a bound: `for (__u64 i = 0; i < 64; i++)`.";
    TOO_MUCH_WORK = "BPF-K030", Undecided, "the checker reached its limit of work or memory",
        "This says nothing about the program's safety. Loops with many iterations and functions that are called from many places take the most work.";
    TOO_MANY_ITERATIONS = "BPF-K031", Undecided, "the checker found no end of a loop",
        "This says nothing about the program's safety. The checker walks through loops iteration by iteration: a counter must reach its bound.";
    INCONSISTENT = "BPF-K032", Undecided, "the checker contradicts itself",
        "This says nothing about the program's safety. It is a mistake in the checker; please report the object.";
}
