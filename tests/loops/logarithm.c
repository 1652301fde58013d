/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * The logarithm of a number: shifts it to the right until it is zero.
 */
#include "loop.h"

SEC("filter") int logarithm(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 number, steps = 0;

	if (data + 4 > end)
		return FILTER_ABORT;
	number = be32(data);
	KEEP while (number >>= 1)
		steps++;
	return steps > 16 ? FILTER_DROP : FILTER_PASS;
}
