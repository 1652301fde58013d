/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: accept
 * cause: -
 *
 * Drops IPv4 packets from prefixes in a table, and counts what it drops and passes.
 *
 * The control plane fills `blocked`: a key is the length of a prefix in bits and an address in network
 * byte order, a value is 1 to drop and 0 to except a longer prefix. The packet starts with its
 * Ethernet header; what is not IPv4 passes.
 */
#include "net.h"

struct prefix {
	__u32 length;
	__u32 address;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__type(key, struct prefix);
	__type(value, __u32);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} blocked SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

static __always_inline void count(__u32 index)
{
	__u64 *packets = bpf_map_lookup_elem(&counts, &index);

	if (packets)
		*packets += 1;
}

SEC("filter") int prefix_filter(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	const struct ethernet *ethernet = (const void *)click_data(ctx);
	const struct ipv4 *ip = (const void *)(ethernet + 1);

	if ((const void *)(ethernet + 1) > end)
		return FILTER_ABORT;
	if (ethernet->type != bpf_htons(ETHERTYPE_IPV4))
		return FILTER_PASS;
	if ((const void *)(ip + 1) > end)
		return FILTER_ABORT;

	struct prefix source = {.length = 32, .address = ip->source};
	__u32 *drop = bpf_map_lookup_elem(&blocked, &source);

	if (drop && *drop) {
		count(1);
		return FILTER_DROP;
	}
	count(0);
	return FILTER_PASS;
}
