/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Counts a byte of the packet down to zero.
 */
#include "loop.h"

SEC("filter") int while_n(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 n, sum = 0;

	if (data + 1 > end)
		return FILTER_ABORT;
	n = data[0];
	KEEP while (n--)
		sum = sum * 31 + 7;
	return sum & 1 ? FILTER_DROP : FILTER_PASS;
}
