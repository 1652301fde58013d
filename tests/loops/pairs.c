/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Compares each of 12 bytes with each before it: a triangle.
 */
#include "loop.h"

SEC("filter") int pairs(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 equal = 0;

	if (data + 12 > end)
		return FILTER_ABORT;
	KEEP for (__u32 i = 1; i < 12; i++)
		KEEP for (__u32 j = 0; j < i; j++)
			if (data[i] == data[j])
				equal++;
	return equal > 5 ? FILTER_DROP : FILTER_PASS;
}
