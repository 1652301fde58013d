/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: reject
 * cause: BPF-V005
 *
 * Looks up a key of eight bytes of which it has set four.
 */
#include "click_bpf.h"

struct flow {
	__u32 source;
	__u32 destination;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct flow);
	__type(value, __u64);
} flows SEC(".maps");

SEC("filter") int uninitialised_key(struct click_ctx *ctx)
{
	struct flow flow;

	flow.source = ctx->port;
	/* What the stack held before would become part of the key. */
	return bpf_map_lookup_elem(&flows, &flow) ? FILTER_PASS : FILTER_DROP;
}
