//! Diagnostics of the verifier: what is wrong with a program, and why there is no answer.

platform_click::codes! {
    PACKET_BOUNDS = "BPF-V001", Rejected, "packet access out of bounds",
        "The packet may be shorter than the access needs. Compare the end of what you read or write with `data_end` first, on every path: `if (data + 34 > data_end) return ...;`.";
    NULL_VALUE = "BPF-V002", Rejected, "a map value is used that may be null",
        "A lookup returns null when the key is absent, for arrays too. Test the pointer before the first access.";
    MAP_VALUE_BOUNDS = "BPF-V003", Rejected, "access behind the end of a map value or of data",
        "Each access must lie within the value size of the map, or within the data section. Bound a variable index by a comparison right before the access.";
    STACK_BOUNDS = "BPF-V004", Rejected, "stack access out of bounds",
        "A function has 512 bytes of stack below its frame pointer. Bound a variable index by a comparison right before the access; keep large buffers in a map.";
    STACK_UNINITIALISED = "BPF-V005", Rejected, "stack is read before it is written",
        "Every byte that is read, or handed to a helper as key, value or text, must have been written on every path. Padding counts: initialise the whole structure with `= {}`.";
    CONTEXT_BOUNDS = "BPF-V006", Rejected, "context access out of bounds",
        "The context has the fields of `struct click_md` in `click_bpf.h` and nothing behind them.";
    CONTEXT_POINTER = "BPF-V007", Rejected, "`data` or `data_end` of the context is written",
        "Only the platform moves these pointers. Rewriters change the size of a packet with `bpf_packet_add_space`.";
    DIVISION_BY_ZERO = "BPF-V008", Rejected, "division by a number that may be zero",
        "Test the divisor before the division: `if (n == 0) return ...;`.";
    LOOP = "BPF-V009", Rejected, "a loop is not proved to end",
        "The verifier has to see a counter reach its bound. Use a 64-bit counter that counts up from 0 and is compared by `<` with a constant at the start of each round (`for (__u64 i = 0; i < 64; i++)`), or unroll the loop (`#pragma unroll`).";
    UNKNOWN_HELPER = "BPF-V010", Rejected, "the platform has no such helper",
        "`bpfsign platform show` lists the helpers of the platform; `click_bpf.h` declares them.";
    HELPER_KIND = "BPF-V011", Rejected, "a helper is not for this kind of program",
        "The kind follows from the program's section. `bpfsign platform show` lists for each helper the kinds that may call it.";
    STALE_PACKET = "BPF-V012", Rejected, "packet pointer used after `bpf_packet_add_space`",
        "The call may move the packet, so every pointer into it from before is invalid, whether the call succeeds or not. Load `data` and `data_end` from the context again and compare again.";
    POINTER_LEAK = "BPF-V013", Rejected, "an address would become visible outside the program",
        "Addresses must not be returned, nor stored in packets, maps or the context: they would reveal where memory lies.";
    RETURN_RANGE = "BPF-V014", Rejected, "a return value is outside of what the kind allows",
        "Return one of the constants that `click_bpf.h` defines for the kind of program; bound a computed value by a comparison or a mask.";
    UNINITIALISED_REGISTER = "BPF-V015", Rejected, "a register is used that has no value",
        "A variable is read before it is set on some path, or a register does not survive a call (r1 to r5 never do).";
    NULL_ARITHMETIC = "BPF-V016", Rejected, "arithmetic on a map value before its null test",
        "Null plus an offset is not null, so a later test proves nothing. Test the result of the lookup first and compute with it afterwards.";
    FRAME = "BPF-V017", Rejected, "access outside of the function's own stack frame",
        "A function owns the 512 bytes below its frame pointer and nothing above; pass a pointer to share a buffer with a called function.";
    CALL_DEPTH = "BPF-V018", Rejected, "calls are recursive or nested too deeply",
        "Frames are 512 bytes each and at most eight deep. Turn recursion into a loop, or let the compiler inline (`static __always_inline`).";
    READ_ONLY_DATA = "BPF-V019", Rejected, "read-only data is written",
        "Constants lie in `.rodata`. Make the variable non-const to have it in `.data` or `.bss`.";
    POINTER_TYPE = "BPF-V020", Rejected, "a value of the wrong type is used",
        "The operation needs a number, or a pointer that may be dereferenced; the verifier could not show that the register holds one on every path. Pointers do not survive 32-bit operations, masks, or a mix of pointers into different memory.";
    ARGUMENT = "BPF-V021", Rejected, "a helper is called with a wrong argument",
        "Sizes must be positive and bounded, maps must come from a map definition and be of a kind that the helper takes, array indices must be below `max_entries`, keys and values must point to initialised memory of the map's size, and a text is given as many numbers as it prints.";
    REFUSED = "BPF-V022", Rejected, "the verifier could not prove the program safe",
        "The message of the engine is shown as it is.";
    TIMEOUT = "BPF-V030", Undecided, "the verifier did not finish in time",
        "This says nothing about the program's safety. Loops with 32-bit counters are the usual reason: count up with a 64-bit counter (`for (__u64 i = 0; i < n; i++)`) or compile with `-mcpu=v2`.";
    CRASHED = "BPF-V031", Undecided, "the verifier ended without an answer",
        "This says nothing about the program's safety. The verifying process ran out of memory or failed; please report the object.";
    ANSWER = "BPF-V032", Undecided, "the verifier's answer is not valid",
        "What the verifying process sent is malformed or does not belong to this object, so nothing is concluded from it.";
    CONTRADICTED = "BPF-V033", Undecided, "the proof is contradicted",
        "The engine accepted the program, yet it misbehaved in a trial run, or the proof contradicts itself. The program is not signed. Please report the object: a verifier is wrong.";
    UNSUPPORTED = "BPF-V034", Undecided, "the engine does not support the program",
        "The platform allows the program, the engine could not read it. Please report the object.";
    TOO_COMPLEX = "BPF-V035", Undecided, "the program is too complex to analyse",
        "Every call of a function is analysed for itself, and there are too many. Reduce the number of nested calls to functions that are not inlined.";
    WORKER = "BPF-V036", Internal, "the verification could not be started",
        "The verifier draws a random seed and runs itself again as a child process: the program file must be executable, and pipes and random numbers available.";
    DISAGREEMENT = "BPF-V037", Undecided, "two proofs disagree",
        "One engine accepts the program, the other does not, for the reasons shown. Nothing is signed on one engine's word. Follow the help of the reasons: simpler checks are understood by both.";
    UNCONFIRMED = "BPF-V038", Undecided, "only one proof came to an end",
        "One engine accepts the program, the other reached its limits. This says nothing about the program's safety. Loops with many iterations are the usual reason: bound them lower, or unroll them.";
    UNWOUND = "BPF-V039", Undecided, "the loops are too long to be proved",
        "This says nothing about the program's safety. One engine follows the loops, the other would have to look at every iteration of them as instructions of their own, and there are too many, or it does not see the loops end. Bound the loops lower, or use a 64-bit counter that counts up and is compared by `<` at the start of each round: such loops are proved without looking at each iteration.";
    NOT_BUILT_IN = "BPF-V040", Usage, "the engine is not built in",
        "The C++ PREVAIL votes where it is installed and built in (`cargo build --features prevail-cpp`, docs/engines.md). Leave out `--engine`, or use `--engine rust`.";
}

#[cfg(test)]
mod tests {
    use platform_click::ExitCode;

    use super::ALL;

    #[test]
    fn identifiers_ascend_and_titles_differ() {
        assert!(ALL.windows(2).all(|pair| pair[0].id < pair[1].id));
        for (i, code) in ALL.iter().enumerate() {
            assert!(code.id.starts_with("BPF-V") && code.id.len() == 8, "{code}");
            assert!(
                ALL.iter()
                    .skip(i + 1)
                    .all(|other| other.title != code.title),
                "{code}"
            );
            assert!(
                code.help.ends_with('.') && !code.title.ends_with('.'),
                "{code}"
            );
        }
    }

    /// Findings are numbered from 1, everything that is no finding from 30.
    #[test]
    fn what_rejects_and_what_does_not_are_apart() {
        for code in ALL {
            assert_eq!(
                code.exit == ExitCode::Rejected,
                code.id < "BPF-V030",
                "{code}"
            );
        }
    }
}
