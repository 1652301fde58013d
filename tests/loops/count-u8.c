/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * A counter of 8 bits that is compared after it was cut to them.
 */
#include "loop.h"

#ifndef LAST
#define LAST 254
#endif

SEC("filter") int count_u8(struct click_ctx *ctx)
{
	__u32 sum = 0;

	KEEP for (__u8 i = 0; i <= LAST; i++) {
		sum = (sum ^ i) * ctx->port;
		HIDE(sum);
	}
	return sum & 1 ? FILTER_DROP : FILTER_PASS;
}
