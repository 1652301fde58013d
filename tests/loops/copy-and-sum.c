/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Copies 32 bytes to the stack and adds them there.
 */
#include "loop.h"

#ifndef COPIED
#define COPIED 32
#endif

SEC("filter") int copy_and_sum(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u8 copy[32];
	__u32 sum = 0;

	if (data + 40 > end)
		return FILTER_ABORT;
	KEEP for (int i = 0; i < COPIED; i++)
		copy[i] = data[i] ^ 0x5a;
	KEEP for (int i = 0; i < 32; i++)
		sum += copy[i];
	return sum & 1 ? FILTER_DROP : FILTER_PASS;
}
