/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Walks IPv6 extension headers, eight at most, and tests for the packet's end at each.
 */
#include "loop.h"

SEC("filter") int ipv6_extensions(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx), *end = click_data_end(ctx);
	__u8 next;

	if (at + 40 > end)
		return FILTER_ABORT;
	next = at[6];
	at += 40;
	KEEP for (int i = 0; i < 8; i++) {
		if (next != 0 && next != 43 && next != 60)
			break;
#ifdef MOVED
		if (i == 0 && at + 8 > end)
			return FILTER_ABORT;
#else
		if (at + 8 > end)
			return FILTER_ABORT;
#endif
		next = at[0];
		at += (at[1] + 1) * 8;
	}
	return next == PROTOCOL_UDP ? FILTER_DROP : FILTER_PASS;
}
