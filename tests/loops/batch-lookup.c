/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Looks up four keys that follow each other in the packet and adds what it finds.
 */
#include "loop.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} weights SEC(".maps");

SEC("filter") int batch_lookup(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u64 sum = 0;

	if (data + 16 > end)
		return FILTER_ABORT;
	KEEP for (__u32 i = 0; i < 4; i++) {
		__u32 key = be32(data + 4 * i);
		const __u64 *weight = bpf_map_lookup_elem(&weights, &key);

#ifdef UNTESTED
		if (i < 3 && !weight)
#else
		if (!weight)
#endif
			continue;
		sum += *weight;
	}
	return sum > 1000 ? FILTER_DROP : FILTER_PASS;
}
