/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Options within hop-by-hop headers: a walk within a walk.
 */
#include "loop.h"

SEC("filter") int ipv6_hop_by_hop(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx), *end = click_data_end(ctx);
	__u8 next;

	if (at + 40 > end)
		return FILTER_ABORT;
	next = at[6];
	at += 40;
	KEEP for (int header = 0; header < 3; header++) {
		__u32 length, option = 2;

		if (next != 0)
			break;
		if (at + 8 > end)
			return FILTER_ABORT;
		next = at[0];
		length = (at[1] & 3) * 8 + 8;
		KEEP while (option < length) {
			if (at + option + 2 > end)
				return FILTER_ABORT;
			if (at[option] == 5)
				return FILTER_DROP;
			option += at[option] == 0 ? 1 : at[option + 1] + 2;
		}
		at += length;
	}
	return FILTER_PASS;
}
