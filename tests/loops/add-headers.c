/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: rewriter
 * verdict: safe
 * cause: -
 *
 * Puts as many words before the packet as its first byte says, three at most.
 */
#include "loop.h"

SEC("rewriter") int add_headers(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 count;

	if (data + 1 > end)
		return REWRITER_ABORT;
	count = data[0] & 3;
	KEEP while (count--) {
		__u32 *word;

		if (bpf_packet_add_space(4, 0))
			return REWRITER_ABORT;
		word = (void *)click_data(ctx);
		if ((void *)(word + 1) > (void *)click_data_end(ctx))
			return REWRITER_ABORT;
		*word = count;
	}
	return REWRITER_SUCCESS;
}
