/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Adds as many bytes as a field of the packet says, 64 at most, after one test for all.
 */
#include "loop.h"

#ifndef MOST
#define MOST 64
#endif

SEC("filter") int packet_bound(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 count, sum = 0;

	if (data + 2 + 64 > end)
		return FILTER_ABORT;
	count = be16(data);
	if (count > MOST)
		return FILTER_ABORT;
	KEEP for (__u32 i = 0; i < count; i++)
		sum += data[2 + i];
	return sum & 1 ? FILTER_DROP : FILTER_PASS;
}
