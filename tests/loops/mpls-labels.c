/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Labels of MPLS up to the one that says it is the last.
 */
#include "loop.h"

SEC("filter") int mpls_labels(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx), *end = click_data_end(ctx);
	__u32 label, depth = 0;

	do {
		if (at + 4 > end)
			return FILTER_ABORT;
		label = be32(at);
		at += 4;
		depth++;
	} while (!(label & 0x100) && depth < 16);
	return label >> 12 == 3 ? FILTER_DROP : FILTER_PASS;
}
