/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Walks IPv6 extension headers by a function that is called for each and tells the next offset.
 */
#include "loop.h"

/* The offset and kind of the next header, 0 at the end of the packet. */
static __noinline __u32 following(struct click_ctx *ctx, __u32 offset)
{
	const __u8 *end = click_data_end(ctx), *at = click_data(ctx) + (offset & 0xfff);

	if (at + 8 > end)
		return 0;
	return at[0] << 16 | ((offset & 0xfff) + (at[1] + 1) * 8);
}

SEC("filter") int ipv6_extensions_function(struct click_ctx *ctx)
{
	__u32 offset = 40;

	KEEP for (int i = 0; i < 6; i++) {
		offset = following(ctx, offset);
		if (offset == 0)
			return FILTER_ABORT;
		if (offset >> 16 == PROTOCOL_UDP)
			return FILTER_DROP;
	}
	return FILTER_PASS;
}
