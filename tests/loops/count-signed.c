/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * A signed counter from a byte of the packet down to below zero, in steps of seven.
 */
#include "loop.h"

SEC("filter") int count_signed(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__s32 left;
	__u32 sum = 0;

	if (data + 1 > end)
		return FILTER_ABORT;
	KEEP for (left = data[0]; left >= 0; left -= 7)
		sum = (sum ^ left) * ctx->port;
	return sum & 1 ? FILTER_DROP : FILTER_PASS;
}
