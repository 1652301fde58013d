/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Looks for the packet's first word in a ring of 16, from the last entry backwards.
 */
#include "loop.h"

#ifndef MASK
#define MASK 15
#endif

struct ring {
	__u32 head;
	__u32 entries[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ring);
} recent SEC(".maps");

SEC("filter") int ring_scan(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 key = 0, word;
	struct ring *ring;

	if (data + 4 > end)
		return FILTER_ABORT;
	word = be32(data);
	ring = bpf_map_lookup_elem(&recent, &key);
	if (!ring)
		return FILTER_ABORT;
	KEEP for (__u32 back = 1; back <= 16; back++)
		if (ring->entries[(ring->head - back) & MASK] == word)
			return FILTER_DROP;
	ring->entries[ring->head++ & 15] = word;
	return FILTER_PASS;
}
