/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: accept
 * cause: -
 *
 * Passes the first ten packets, and counts them in 64 bits, from where version 1 was.
 *
 * The map of version 1 (state-migration-v1.c) is declared unchanged, so that it is taken over with
 * what is in it. The first packet copies it into the map that this version uses. A version 3 without
 * the old map lets it go.
 */
#include "click_bpf.h"

#define LIMIT 10

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} packets_v1 SEC(".maps");

struct count {
	__u64 packets;
	__u64 migrated; /* 1 once the old count is in this one */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct count);
} packets_v2 SEC(".maps");

SEC("filter") int state_migration(struct click_ctx *ctx)
{
	__u32 first = 0;
	__u32 *old = bpf_map_lookup_elem(&packets_v1, &first);
	struct count *count = bpf_map_lookup_elem(&packets_v2, &first);

	(void)ctx;
	if (!old || !count)
		return FILTER_ABORT;
	if (!count->migrated) {
		count->packets = *old;
		count->migrated = 1;
	}
	if (count->packets >= LIMIT)
		return FILTER_DROP;
	count->packets += 1;
	return FILTER_PASS;
}
