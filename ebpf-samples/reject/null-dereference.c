/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: reject
 * cause: BPF-V002
 *
 * Counts a packet through the result of a lookup without a test for null.
 */
#include "click_bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

SEC("filter") int null_dereference(struct click_ctx *ctx)
{
	__u32 index = 0;
	__u64 *count = bpf_map_lookup_elem(&counters, &index);

	(void)ctx;
	*count += 1;
	return FILTER_PASS;
}
