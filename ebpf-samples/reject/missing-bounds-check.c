/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: reject
 * cause: BPF-V001
 *
 * Reads the protocol of the IPv4 header after a test for the Ethernet header alone.
 */
#include "net.h"

SEC("filter") int missing_bounds_check(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	const struct ethernet *ethernet = (const void *)click_data(ctx);
	const struct ipv4 *ip = (const void *)(ethernet + 1);

	if ((const void *)(ethernet + 1) > end)
		return FILTER_ABORT;
	return ip->protocol == PROTOCOL_UDP ? FILTER_DROP : FILTER_PASS;
}
