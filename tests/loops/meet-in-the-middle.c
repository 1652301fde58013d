/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Two indices that run towards each other, to tell whether a text is a palindrome.
 */
#include "loop.h"

SEC("filter") int meet_in_the_middle(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 low = 0, high;

	if (data + 65 > end)
		return FILTER_ABORT;
	high = data[64];
	if (high > 63)
		return FILTER_ABORT;
	KEEP while (low < high) {
		if (data[low++] != data[high--])
			return FILTER_PASS;
	}
	return FILTER_DROP;
}
