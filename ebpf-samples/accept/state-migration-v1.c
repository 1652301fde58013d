/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: accept
 * cause: -
 *
 * Passes the first ten packets, and counts them in 32 bits.
 *
 * Version 2 (state-migration-v2.c) takes its place while packets flow, and goes on counting.
 */
#include "click_bpf.h"

#define LIMIT 10

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} packets_v1 SEC(".maps");

SEC("filter") int state_migration(struct click_ctx *ctx)
{
	__u32 first = 0;
	__u32 *packets = bpf_map_lookup_elem(&packets_v1, &first);

	(void)ctx;
	if (!packets)
		return FILTER_ABORT;
	if (*packets >= LIMIT)
		return FILTER_DROP;
	*packets += 1;
	return FILTER_PASS;
}
