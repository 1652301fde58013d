/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: rewriter
 * verdict: safe
 * cause: -
 *
 * Removes up to three VLAN tags; after each removal the packet may be elsewhere.
 */
#include "loop.h"

SEC("rewriter") int strip_tags(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);

	if (data + 4 > end)
		return REWRITER_ABORT;
	KEEP for (int i = 0; i < 3; i++) {
		if (be16(data) != ETHERTYPE_VLAN)
			break;
		if (bpf_packet_add_space(-4, 0))
			return REWRITER_ABORT;
#ifndef STALE
		data = click_data(ctx);
		end = click_data_end(ctx);
		if (data + 4 > end)
			return REWRITER_ABORT;
#endif
	}
	return REWRITER_SUCCESS;
}
