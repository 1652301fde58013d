/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: reject
 * cause: BPF-V013
 *
 * Stores the address of the packet into a map.
 */
#include "click_bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

SEC("filter") int prog(struct click_ctx *ctx)
{
	__u32 index = 0;
	__u64 *value = bpf_map_lookup_elem(&counters, &index);

	if (!value)
		return FILTER_ABORT;
	*value = ctx->data;
	return FILTER_PASS;
}
