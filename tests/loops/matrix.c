/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * A product of two 3x3 matrices on the stack: three loops within each other.
 */
#include "loop.h"

#ifndef FIRST
#define FIRST 0
#endif

SEC("filter") int matrix(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 product[9];
	__u32 trace = 0;

	if (data + 18 > end)
		return FILTER_ABORT;
	KEEP for (int row = FIRST; row < 3; row++)
		KEEP for (int column = FIRST; column < 3; column++) {
			__u32 sum = 0;

			KEEP for (int i = 0; i < 3; i++)
				sum += data[3 * row + i] * data[9 + 3 * i + column];
			product[3 * row + column] = sum;
		}
	KEEP for (int i = 0; i < 3; i++)
		trace += product[4 * i];
	return trace > 1000 ? FILTER_DROP : FILTER_PASS;
}
