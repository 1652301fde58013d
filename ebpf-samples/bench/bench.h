/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One source for two machines: for BPF, and with NATIVE for the one that the benchmark runs on, where
 * maps are numbers and helpers are functions of the benchmark.
 */
#include "click_bpf.h"
#include "net.h"

#ifdef NATIVE
#undef SEC
#define SEC(name)
#define MAP(name, number, kind, entries, key_type, value_type) static const __u64 name = number
static void *(*native_lookup)(const void *map, const void *key);
static long (*native_update)(const void *map, const void *key, const void *value, __u64 flags);
static __u64 (*native_clock)(void);
#define bpf_map_lookup_elem native_lookup
#define bpf_map_update_elem native_update
#define bpf_ktime_get_ns native_clock
void bind_helpers(void *lookup, void *update, void *clock)
{
	native_lookup = lookup;
	native_update = update;
	native_clock = clock;
}
#else
#define MAP(name, number, kind, entries, key_type, value_type)                                            \
	struct {                                                                                          \
		__uint(type, kind);                                                                       \
		__uint(max_entries, entries);                                                             \
		__type(key, key_type);                                                                    \
		__type(value, value_type);                                                                \
	} name SEC(".maps")
#endif

/* A UDP packet over IPv4, whose options are skipped; every other leaves the function. */
struct udp {
	__u16 source;
	__u16 destination;
	__u16 length;
	__u16 checksum;
};

#define PARSE_UDP(ctx)                                                                                    \
	__u8 *data = click_data(ctx), *end = click_data_end(ctx);                                         \
	struct ethernet *eth = (void *)data;                                                              \
	struct ipv4 *ip = (void *)(eth + 1);                                                              \
	if ((__u8 *)(ip + 1) > end || eth->type != bpf_htons(ETHERTYPE_IPV4))                             \
		return FILTER_PASS;                                                                       \
	if (ip->protocol != PROTOCOL_UDP)                                                                 \
		return FILTER_PASS;                                                                       \
	__u32 header = (ip->version_length & 15) * 4;                                                     \
	if (header < sizeof(*ip))                                                                         \
		return FILTER_DROP;                                                                       \
	struct udp *udp = (void *)((__u8 *)ip + header);                                                  \
	if ((__u8 *)(udp + 1) > end)                                                                      \
		return FILTER_PASS
