/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * Adds every byte of the packet and the one behind its end: `<=` in place of `<`.
 */
#include "loop.h"

SEC("filter") int packet_sum_behind(struct click_ctx *ctx)
{
	const __u8 *end = click_data_end(ctx);
	__u32 sum = 0;

	KEEP for (const __u8 *at = click_data(ctx); at <= end; at++)
		sum += *at;
	return sum & 1 ? FILTER_DROP : FILTER_PASS;
}
