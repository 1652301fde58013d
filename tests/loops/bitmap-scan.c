/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * The first bit that is set in a bitmap of 512 bits in a map's value.
 */
#include "loop.h"

#ifndef WORDS
#define WORDS 8
#endif

struct bitmap {
	__u64 words[8];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bitmap);
} ports SEC(".maps");

SEC("filter") int bitmap_scan(struct click_ctx *ctx)
{
	__u32 key = 0;
	struct bitmap *bitmap = bpf_map_lookup_elem(&ports, &key);

	if (!bitmap)
		return FILTER_ABORT;
	KEEP for (__u32 word = 0; word < WORDS; word++) {
		if (bitmap->words[word] == 0)
			continue;
		KEEP for (__u32 bit = 0; bit < 64; bit++)
			if (bitmap->words[word] >> bit & 1)
				return word * 64 + bit == ctx->port ? FILTER_DROP : FILTER_PASS;
	}
	return FILTER_PASS;
}
