/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Euclid's algorithm on two bytes: it ends, and nothing that counts says so.
 */
#include "loop.h"

SEC("filter") int greatest_divisor(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 a, b;

	if (data + 2 > end)
		return FILTER_ABORT;
	a = data[0];
	b = data[1];
	KEEP while (b) {
		__u32 rest = a % b;

		a = b;
		b = rest;
	}
	return a == 1 ? FILTER_DROP : FILTER_PASS;
}
