/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * Three loops within each other, of which the last iteration of all reads one byte too far.
 */
#include "loop.h"

SEC("filter") int matrix_corner(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 sum = 0;

	if (data + 63 > end)
		return FILTER_ABORT;
	KEEP for (__u32 x = 0; x < 4; x++)
		KEEP for (__u32 y = 0; y < 4; y++)
			KEEP for (__u32 z = 0; z < 4; z++)
				sum += data[16 * x + 4 * y + z];
	return sum & 1 ? FILTER_DROP : FILTER_PASS;
}
