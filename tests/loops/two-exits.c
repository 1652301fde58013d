/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Looks for a difference between two halves of the packet; one loop, four ways out.
 */
#include "loop.h"

SEC("filter") int two_exits(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);

	KEEP for (__u32 i = 0;; i++) {
		if (i == 24)
			return FILTER_PASS;
		if (data + 24 + i + 1 > end)
			return FILTER_ABORT;
		if (data[i] < data[24 + i])
			goto less;
		if (data[i] > data[24 + i])
			return FILTER_DROP;
	}
less:
	return FILTER_PASS;
}
