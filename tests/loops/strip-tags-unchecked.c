/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: rewriter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * Loads the pointers again after each removal and does not compare them again.
 */
#include "loop.h"

SEC("rewriter") int strip_tags_unchecked(struct click_ctx *ctx)
{
	if (click_data(ctx) + 4 > click_data_end(ctx))
		return REWRITER_ABORT;
	KEEP for (int i = 0; i < 3; i++) {
		if (be16(click_data(ctx)) != ETHERTYPE_VLAN)
			break;
		if (bpf_packet_add_space(-4, 0))
			return REWRITER_ABORT;
	}
	return REWRITER_SUCCESS;
}
