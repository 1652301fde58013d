/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: classifier
 * verdict: safe
 * cause: -
 *
 * The longest prefix that matches, by hand: a lookup for each length from 32 down to 0.
 */
#include "loop.h"

struct prefix {
	__u32 length;
	__u32 address;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct prefix);
	__type(value, __u32);
} routes SEC(".maps");

SEC("classifier") int longest_prefix(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 address;

	if (data + 4 > end)
		return CLASSIFIER_DROP;
	address = be32(data);
	KEEP for (int length = 32; length >= 0; length--) {
		struct prefix prefix = {
			.length = length,
			.address = length ? address & ~0u << (32 - length) : 0,
		};
		const __u32 *output = bpf_map_lookup_elem(&routes, &prefix);

		if (output)
			return *output & 7;
	}
	return CLASSIFIER_DROP;
}
