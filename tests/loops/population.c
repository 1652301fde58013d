/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Counts the bits of a number by clearing the lowest until none is left.
 */
#include "loop.h"

SEC("filter") int population(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 bits = 0;
	__u64 number;

	if (data + 8 > end)
		return FILTER_ABORT;
	number = *(const __u64 *)data;
	KEEP while (number) {
		number &= number - 1;
		bits++;
	}
	return bits > 32 ? FILTER_DROP : FILTER_PASS;
}
