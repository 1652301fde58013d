/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * A number of Protocol Buffers: seven bits from each byte, ten bytes at most.
 */
#include "loop.h"

SEC("filter") int varint(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx), *end = click_data_end(ctx);
	__u64 number = 0;

	KEEP for (__u32 shift = 0; shift < 70; shift += 7) {
		if (at + 1 > end)
			return FILTER_ABORT;
		number |= (__u64)(*at & 0x7f) << (shift & 63);
		if (!(*at++ & 0x80))
			break;
	}
	return number > 1000000 ? FILTER_DROP : FILTER_PASS;
}
