/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Counts the bytes of the packet's first 32 in an array of 16 classes.
 */
#include "loop.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} classes SEC(".maps");

SEC("filter") int histogram(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);

	KEEP for (__u64 i = 0; i < 32; i++) {
		__u32 key;
		__u64 *count;

		if (data + i + 1 > end)
			break;
		key = data[i] / 16;
		count = bpf_map_lookup_elem(&classes, &key);
		if (count)
			*count += 1;
	}
	return FILTER_PASS;
}
