/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * A loop that is tested at its end: doubles a byte of the packet until it is above 1,000.
 */
#include "loop.h"

SEC("filter") int do_while(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 number, rounds = 0;

	if (data + 1 > end)
		return FILTER_ABORT;
#ifdef ZERO
	number = data[0];
#else
	number = data[0] | 1;
#endif
	KEEP do {
		number *= 2;
		rounds ^= number;
	} while (number <= 1000);
	return rounds & 64 ? FILTER_DROP : FILTER_PASS;
}
