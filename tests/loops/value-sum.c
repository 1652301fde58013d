/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Adds the 48 bytes of a map's value by a pointer.
 */
#include "loop.h"

#ifndef LENGTH
#define LENGTH 48
#endif

struct value {
	__u8 bytes[48];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct value);
} values SEC(".maps");

SEC("filter") int value_sum(struct click_ctx *ctx)
{
	__u32 key = ctx->port & 3, sum = 0;
	const struct value *value = bpf_map_lookup_elem(&values, &key);
	const __u8 *at = (const void *)value;

	if (!value)
		return FILTER_ABORT;
	KEEP for (int i = 0; i < LENGTH; i++)
		sum += *at++;
	return sum & 1 ? FILTER_DROP : FILTER_PASS;
}
