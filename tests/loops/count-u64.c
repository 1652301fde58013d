/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * 4,096 rounds of a counter of 64 bits.
 */
#include "loop.h"

SEC("filter") int count_u64(struct click_ctx *ctx)
{
	__u64 sum = 0;

	KEEP for (__u64 i = 0; i < 4096; i++)
		sum = (sum ^ i) * ctx->port;
	return sum & 1 ? FILTER_DROP : FILTER_PASS;
}
