/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * The largest sum of eight bytes in a row out of 40, by what enters and what leaves.
 */
#include "loop.h"

#ifndef LAST
#define LAST 40
#endif

SEC("filter") int sliding_window(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 sum = 0, largest = 0;

	if (data + 40 > end)
		return FILTER_ABORT;
	KEEP for (__u32 i = 0; i < LAST; i++) {
		sum += data[i];
		if (i >= 8)
			sum -= data[i - 8];
		if (sum > largest)
			largest = sum;
	}
	return largest > 1500 ? FILTER_DROP : FILTER_PASS;
}
