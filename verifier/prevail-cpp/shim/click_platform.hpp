// The Click platform for PREVAIL, generated from platform-click by tests/platform.rs.
#pragma once

#include <cstdint>

#include <prevail/spec/ebpf_base.h>

namespace click {

struct MapRow {
    std::uint32_t number;
    const char *name;
    bool is_array;
};

struct HelperRow {
    std::int32_t number;
    const char *name;
    // Bit n: programs of the kind with the number n may call it.
    std::uint64_t kinds;
    ebpf_return_type_t returns;
    ebpf_argument_type_t arguments[5];
    bool reallocates_packet;
    // Bit n: it takes maps of the kind with the number n; 0 where no argument is a map.
    std::uint64_t map_types;
    // Where the size of what it writes is put; 0 if it writes nothing.
    std::uint8_t size_register;
};

inline constexpr bool STRICT = true;
inline constexpr bool ALLOW_DIVISION_BY_ZERO = false;
inline constexpr bool CHECK_TERMINATION = true;
inline constexpr bool MUST_HAVE_EXIT = true;
inline constexpr int STACK_FRAME_SIZE = 512;
inline constexpr int MAX_CALL_FRAMES = 8;
inline constexpr int MAX_PACKET_SIZE = 65535;

// Size, packet, its end, metadata (none).
inline constexpr ebpf_ctx_descriptor_t CONTEXT = {40, 0, 8, -1};

inline constexpr MapRow MAPS[] = {
    {1, "hash", false},
    {2, "array", true},
    {5, "percpu-hash", false},
    {6, "percpu-array", true},
    {9, "lru-hash", false},
    {11, "lpm-trie", false},
    {22, "queue", false},
    {23, "stack", false},
    {27, "ring-buffer", false},
};

inline constexpr HelperRow HELPERS[] = {
    {1, "bpf_map_lookup_elem", 0x1e, EBPF_RETURN_TYPE_PTR_TO_MAP_VALUE_OR_NULL,
     {EBPF_ARGUMENT_TYPE_PTR_TO_MAP, EBPF_ARGUMENT_TYPE_PTR_TO_MAP_KEY, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE},
     false, 0xa66, 0},
    {2, "bpf_map_update_elem", 0x1e, EBPF_RETURN_TYPE_INTEGER,
     {EBPF_ARGUMENT_TYPE_PTR_TO_MAP, EBPF_ARGUMENT_TYPE_PTR_TO_MAP_KEY, EBPF_ARGUMENT_TYPE_PTR_TO_MAP_VALUE, EBPF_ARGUMENT_TYPE_ANYTHING, EBPF_ARGUMENT_TYPE_DONTCARE},
     false, 0xa66, 0},
    {3, "bpf_map_delete_elem", 0x1e, EBPF_RETURN_TYPE_INTEGER,
     {EBPF_ARGUMENT_TYPE_PTR_TO_MAP, EBPF_ARGUMENT_TYPE_PTR_TO_MAP_KEY, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE},
     false, 0xa66, 0},
    {5, "bpf_ktime_get_ns", 0x1e, EBPF_RETURN_TYPE_INTEGER,
     {EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE},
     false, 0x0, 0},
    {6, "bpf_trace_printk", 0x1e, EBPF_RETURN_TYPE_INTEGER,
     {EBPF_ARGUMENT_TYPE_PTR_TO_READABLE_MEM, EBPF_ARGUMENT_TYPE_CONST_SIZE, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE},
     false, 0x0, 0},
    {7, "bpf_get_prandom_u32", 0x1e, EBPF_RETURN_TYPE_INTEGER,
     {EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE},
     false, 0x0, 0},
    {8, "bpf_get_smp_processor_id", 0x1e, EBPF_RETURN_TYPE_INTEGER,
     {EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE},
     false, 0x0, 0},
    {28, "bpf_csum_diff", 0x1e, EBPF_RETURN_TYPE_INTEGER,
     {EBPF_ARGUMENT_TYPE_PTR_TO_READABLE_MEM_OR_NULL, EBPF_ARGUMENT_TYPE_CONST_SIZE_OR_ZERO, EBPF_ARGUMENT_TYPE_PTR_TO_READABLE_MEM_OR_NULL, EBPF_ARGUMENT_TYPE_CONST_SIZE_OR_ZERO, EBPF_ARGUMENT_TYPE_ANYTHING},
     false, 0x0, 0},
    {60, "bpf_packet_add_space", 0x8, EBPF_RETURN_TYPE_INTEGER,
     {EBPF_ARGUMENT_TYPE_ANYTHING, EBPF_ARGUMENT_TYPE_ANYTHING, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE},
     true, 0x0, 0},
    {87, "bpf_map_push_elem", 0x1e, EBPF_RETURN_TYPE_INTEGER,
     {EBPF_ARGUMENT_TYPE_PTR_TO_MAP, EBPF_ARGUMENT_TYPE_PTR_TO_MAP_VALUE, EBPF_ARGUMENT_TYPE_ANYTHING, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE},
     false, 0xc00000, 0},
    {88, "bpf_map_pop_elem", 0x1e, EBPF_RETURN_TYPE_INTEGER,
     {EBPF_ARGUMENT_TYPE_PTR_TO_MAP, EBPF_ARGUMENT_TYPE_PTR_TO_WRITABLE_MEM, EBPF_ARGUMENT_TYPE_CONST_SIZE, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE},
     false, 0xc00000, 3},
    {89, "bpf_map_peek_elem", 0x1e, EBPF_RETURN_TYPE_INTEGER,
     {EBPF_ARGUMENT_TYPE_PTR_TO_MAP, EBPF_ARGUMENT_TYPE_PTR_TO_WRITABLE_MEM, EBPF_ARGUMENT_TYPE_CONST_SIZE, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE},
     false, 0xc00000, 3},
    {125, "bpf_ktime_get_boot_ns", 0x1e, EBPF_RETURN_TYPE_INTEGER,
     {EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE},
     false, 0x0, 0},
    {130, "bpf_ringbuf_output", 0x1e, EBPF_RETURN_TYPE_INTEGER,
     {EBPF_ARGUMENT_TYPE_PTR_TO_MAP, EBPF_ARGUMENT_TYPE_PTR_TO_READABLE_MEM, EBPF_ARGUMENT_TYPE_CONST_SIZE_OR_ZERO, EBPF_ARGUMENT_TYPE_ANYTHING, EBPF_ARGUMENT_TYPE_DONTCARE},
     false, 0x8000000, 0},
    {208, "bpf_ktime_get_tai_ns", 0x1e, EBPF_RETURN_TYPE_INTEGER,
     {EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE, EBPF_ARGUMENT_TYPE_DONTCARE},
     false, 0x0, 0},
};

} // namespace click
