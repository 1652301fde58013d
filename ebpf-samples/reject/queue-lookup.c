/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: reject
 * cause: BPF-V021
 *
 * Looks up a key in a queue, which has none.
 */
#include "click_bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 16);
	__type(value, __u64);
} queue SEC(".maps");

SEC("filter") int queue_lookup(struct click_ctx *ctx)
{
	__u32 key = ctx->port;

	return bpf_map_lookup_elem(&queue, &key) ? FILTER_PASS : FILTER_DROP;
}
