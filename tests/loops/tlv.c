/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Walks up to 16 elements of type, length and value, and counts one type.
 */
#include "loop.h"

SEC("filter") int tlv(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx), *end = click_data_end(ctx);
	__u32 count = 0;

	KEEP for (int i = 0; i < 16; i++) {
		if (at + 2 > end)
			break;
		if (at[0] == 7)
			count++;
		at += 2 + at[1];
	}
	return count > 3 ? FILTER_DROP : FILTER_PASS;
}
