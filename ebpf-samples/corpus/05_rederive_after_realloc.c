/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: rewriter
 * verdict: accept
 * cause: -
 *
 * The same with both pointers loaded and tested again.
 */
#include "click_bpf.h"

SEC("rewriter") int prog(struct click_ctx *ctx)
{
	__u8 *data = click_data(ctx), *end = click_data_end(ctx);

	if (data + 14 > end)
		return REWRITER_ABORT;
	if (bpf_packet_add_space(4, 0))
		return REWRITER_ABORT;
	data = click_data(ctx);
	end = click_data_end(ctx);
	if (data + 18 > end)
		return REWRITER_ABORT;
	data[0] = 1;
	return data[12] == 8;
}
