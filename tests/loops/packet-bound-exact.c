/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Adds as many bytes as a field of the packet says, after a test for just that many.
 */
#include "loop.h"

SEC("filter") int packet_bound_exact(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 count, sum = 0;

	if (data + 1 > end)
		return FILTER_ABORT;
	count = data[0];
	if (data + 1 + count > end)
		return FILTER_ABORT;
	KEEP for (__u32 i = 0; i < count; i++)
		sum += data[1 + i];
	return sum & 1 ? FILTER_DROP : FILTER_PASS;
}
