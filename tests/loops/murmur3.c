/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * MurmurHash3 of a number of bytes that the packet names: words first, then the rest.
 */
#include "loop.h"

SEC("filter") int murmur3(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx), *end = click_data_end(ctx);
	__u32 length, hash = 7, rest = 0;

	if (at + 1 > end)
		return FILTER_ABORT;
	length = *at++ & 63;
	KEEP for (__u32 i = 0; i < length / 4; i++) {
		__u32 word;

		if (at + 4 > end)
			return FILTER_ABORT;
		word = be32(at) * 0xcc9e2d51;
		word = (word << 15 | word >> 17) * 0x1b873593;
		hash ^= word;
		hash = (hash << 13 | hash >> 19) * 5 + 0xe6546b64;
		at += 4;
	}
	KEEP for (__u32 i = 0; i < (length & 3); i++) {
		if (at + 1 > end)
			return FILTER_ABORT;
		rest = rest << 8 | *at++;
	}
	hash ^= rest * 0xcc9e2d51;
	return hash & 1 ? FILTER_DROP : FILTER_PASS;
}
