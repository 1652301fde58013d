/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Adds up to 64 halfwords of the packet, each behind a test of its own, and the odd byte.
 */
#include "loop.h"

SEC("filter") int payload_checksum(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx), *end = click_data_end(ctx);
	__u64 sum = 0;

	KEEP for (int i = 0; i < 64; i++) {
		if (at + 2 > end)
			break;
		sum += *(const __u16 *)at;
		at += 2;
	}
	if (at + 1 <= end)
		sum += *at;
	return sum % 0xffff ? FILTER_DROP : FILTER_PASS;
}
