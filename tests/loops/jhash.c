/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Bob Jenkins' hash of a key in the packet, in rounds of twelve bytes, as Linux has it.
 */
#include "loop.h"

static __always_inline __u32 rotate(__u32 word, __u32 by)
{
	return word << by | word >> (32 - by);
}

SEC("filter") int jhash(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx), *end = click_data_end(ctx);
	__u32 a = 0xdeadbeef, b = a, c = a;

	if (at + 48 > end)
		return FILTER_ABORT;
	KEEP for (__u32 length = 48; length > 12; length -= 12, at += 12) {
		a += be32(at);
		b += be32(at + 4);
		c += be32(at + 8);
		a -= c, a ^= rotate(c, 4), c += b;
		b -= a, b ^= rotate(a, 6), a += c;
		c -= b, c ^= rotate(b, 8), b += a;
		a -= c, a ^= rotate(c, 16), c += b;
		b -= a, b ^= rotate(a, 19), a += c;
		c -= b, c ^= rotate(b, 4), b += a;
	}
	return c & 1 ? FILTER_DROP : FILTER_PASS;
}
