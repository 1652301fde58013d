/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * VXLAN within VXLAN, three deep at most: the same headers in each round.
 */
#include "loop.h"

SEC("filter") int vxlan(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx), *end = click_data_end(ctx);

	KEEP for (int depth = 0; depth < 3; depth++) {
		/* Ethernet, IPv4 without options, UDP, VXLAN. */
		if (at + 14 + 20 + 8 + 8 > end)
			return FILTER_PASS;
		if (be16(at + 12) != ETHERTYPE_IPV4 || at[14] != 0x45 || at[23] != PROTOCOL_UDP)
			return FILTER_PASS;
		if (be16(at + 36) != 4789)
			return FILTER_PASS;
		if (be32(at + 46) >> 8 == 0xbad)
			return FILTER_DROP;
		at += 50;
	}
	return FILTER_ABORT;
}
