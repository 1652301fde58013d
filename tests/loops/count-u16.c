/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * 1,000 rounds of a counter of 16 bits, in steps of three.
 */
#include "loop.h"

SEC("filter") int count_u16(struct click_ctx *ctx)
{
	__u32 sum = 0;

	KEEP for (__u16 i = 0; i < 3000; i += 3)
		sum = (sum ^ i) * ctx->port;
	return sum & 1 ? FILTER_DROP : FILTER_PASS;
}
