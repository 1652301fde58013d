/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Labels of a DNS name and the bytes in each: a loop bounded by a byte of the packet.
 */
#include "loop.h"

SEC("filter") int dns_label_bytes(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx) + 12, *end = click_data_end(ctx);
	__u32 capitals = 0;

	KEEP for (int label = 0; label < 4; label++) {
		__u32 length;

		if (at + 1 > end)
			return FILTER_ABORT;
		length = *at++;
		if (length == 0)
			break;
		if (length > 15)
			return FILTER_ABORT;
		KEEP for (__u32 i = 0; i < length; i++) {
			if (at + 1 > end)
				return FILTER_ABORT;
			if (*at >= 'A' && *at <= 'Z')
				capitals++;
			at++;
		}
	}
	return capitals > 8 ? FILTER_DROP : FILTER_PASS;
}
