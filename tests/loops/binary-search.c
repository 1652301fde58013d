/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Binary search in a sorted table of 64 numbers in a map's value.
 */
#include "loop.h"

#ifndef ABOVE
#define ABOVE 64
#endif

struct table {
	__u32 numbers[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct table);
} tables SEC(".maps");

SEC("filter") int binary_search(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 key = 0, low = 0, high = ABOVE, wanted;
	const struct table *table;

	if (data + 4 > end)
		return FILTER_ABORT;
	wanted = be32(data);
	table = bpf_map_lookup_elem(&tables, &key);
	if (!table)
		return FILTER_ABORT;
	KEEP for (int step = 0; step < 8 && low < high; step++) {
		__u32 middle = (low + high) / 2;

		if (table->numbers[middle] == wanted)
			return FILTER_DROP;
		if (table->numbers[middle] < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return FILTER_PASS;
}
