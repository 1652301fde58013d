/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Looks for four bytes at each of 61 places of the packet.
 */
#include "loop.h"

SEC("filter") int substring(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	const __u8 pattern[4] = { 'e', 'v', 'i', 'l' };

	if (data + 64 > end)
		return FILTER_ABORT;
#ifndef LAST
#define LAST 60
#endif
	KEEP for (__u32 place = 0; place <= LAST; place++) {
		__u32 same = 0;

		KEEP while (same < 4 && data[place + same] == pattern[same])
			same++;
		if (same == 4)
			return FILTER_DROP;
	}
	return FILTER_PASS;
}
