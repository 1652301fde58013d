/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: uninitialised
 *
 * Reads the element before the one it writes, in iteration 0 too.
 */
#include "loop.h"

SEC("filter") int running_difference(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	volatile __u8 differences[16];
	__u32 sum = 0;

	if (data + 16 > end)
		return FILTER_ABORT;
	KEEP for (int i = 0; i < 16; i++) {
		differences[i] = data[i] - differences[(i - 1) & 15];
		sum ^= differences[i];
	}
	return sum & 1 ? FILTER_DROP : FILTER_PASS;
}
