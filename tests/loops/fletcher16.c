/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Fletcher's checksum over 32 bytes, from the last to the first.
 */
#include "loop.h"

#ifndef FIRST
#define FIRST 31
#endif

SEC("filter") int fletcher16(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 a = 0, b = 0;
	int i = FIRST;

	if (data + 32 > end)
		return FILTER_ABORT;
	KEEP while (i >= 0) {
		a = (a + data[i--]) % 255;
		b = (b + a) % 255;
	}
	return a == b ? FILTER_DROP : FILTER_PASS;
}
