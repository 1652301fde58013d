/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Elements of LLDP: a type of 7 bits, a length of 9, until the type is zero.
 */
#include "loop.h"

SEC("filter") int lldp(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx), *end = click_data_end(ctx);

	KEEP for (__u16 i = 0; i < 12; i++) {
		__u32 head;

#ifdef LATE
		head = be16(at);
		HIDE(head);
		if (at + 2 > end)
			return FILTER_ABORT;
#else
		if (at + 2 > end)
			return FILTER_ABORT;
		head = be16(at);
#endif
		if (head >> 9 == 0)
			break;
		at += 2 + (head & 0x1ff);
	}
	return FILTER_PASS;
}
