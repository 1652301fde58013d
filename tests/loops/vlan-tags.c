/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Tags of VLANs, as many as there are up to four, by moving a pointer.
 */
#include "loop.h"

SEC("filter") int vlan_tags(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx), *end = click_data_end(ctx);
	__u32 type;
	int tags = 0;

	at += 12;
	if (at + 2 > end)
		return FILTER_ABORT;
	type = be16(at);
	KEEP while (type == ETHERTYPE_VLAN && tags < 4) {
		at += 4;
#ifndef MOVED
		if (at + 2 > end)
			return FILTER_ABORT;
#endif
		type = be16(at);
		tags++;
	}
	return type == ETHERTYPE_IPV6 ? FILTER_DROP : FILTER_PASS;
}
