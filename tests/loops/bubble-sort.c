/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Sorts six numbers on the stack by swapping neighbours, the inner loop shorter each time.
 */
#include "loop.h"

SEC("filter") int bubble_sort(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 numbers[6];

	if (data + 24 > end)
		return FILTER_ABORT;
	KEEP for (__u32 i = 0; i < 6; i++)
		numbers[i] = be32(data + 4 * i);
	KEEP for (__u32 last = 5; last > 0; last--)
		KEEP for (__u32 i = 0; i < last; i++)
			if (numbers[i] > numbers[i + 1]) {
				__u32 swapped = numbers[i];

				numbers[i] = numbers[i + 1];
				numbers[i + 1] = swapped;
			}
	return numbers[2] & 1 ? FILTER_DROP : FILTER_PASS;
}
