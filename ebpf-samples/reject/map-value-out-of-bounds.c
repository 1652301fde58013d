/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: reject
 * cause: BPF-V003
 *
 * Reads behind the eight bytes of a map's value.
 */
#include "click_bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

SEC("filter") int map_value_out_of_bounds(struct click_ctx *ctx)
{
	__u32 index = 0;
	__u64 *count = bpf_map_lookup_elem(&counters, &index);

	(void)ctx;
	if (!count)
		return FILTER_ABORT;
	/* One array entry is one value; the next entry needs a lookup of its own. */
	return count[1] > 1000 ? FILTER_DROP : FILTER_PASS;
}
