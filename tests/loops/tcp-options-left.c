/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Walks TCP options with a count of the bytes that are left.
 */
#include "loop.h"

SEC("filter") int tcp_options_left(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx), *end = click_data_end(ctx);
	__u32 left, size = 0;

	if (at + 20 > end)
		return FILTER_ABORT;
	left = (at[12] >> 4) * 4;
	if (left < 20)
		return FILTER_ABORT;
	left -= 20;
	at += 20;
	KEEP while (left > 0) {
		__u8 length;

		if (at + 2 > end)
			return FILTER_ABORT;
		if (at[0] == 0)
			break;
		if (at[0] == 1) {
			at++;
			left--;
			continue;
		}
		length = at[1];
#ifndef ZERO
		if (length < 2 || length > left)
			return FILTER_ABORT;
#endif
		if (at[0] == 2 && length == 4) {
			if (at + 4 > end)
				return FILTER_ABORT;
			size = be16(at + 2);
			break;
		}
		at += length;
		left -= length;
	}
	return size > 1400 ? FILTER_DROP : FILTER_PASS;
}
