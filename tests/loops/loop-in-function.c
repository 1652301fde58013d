/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * A loop in a function that is called from a loop.
 */
#include "loop.h"

static __noinline __u32 power(__u32 base, __u32 exponent)
{
	__u32 product = 1;

	KEEP for (__u32 i = 0; i < (exponent & 7); i++)
		product *= base;
	return product;
}

SEC("filter") int loop_in_function(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 sum = 0;

	if (data + 10 > end)
		return FILTER_ABORT;
	KEEP for (__u32 i = 0; i < 10; i++)
		sum += power(data[i], i);
	return sum & 1 ? FILTER_DROP : FILTER_PASS;
}
