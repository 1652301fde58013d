/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Adds every byte of the packet: a pointer runs to the packet's end.
 */
#include "loop.h"

SEC("filter") int packet_sum(struct click_ctx *ctx)
{
	const __u8 *end = click_data_end(ctx);
	__u32 sum = 0;

	KEEP for (const __u8 *at = click_data(ctx); at < end; at++)
		sum += *at;
	return sum & 1 ? FILTER_DROP : FILTER_PASS;
}
