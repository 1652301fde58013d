/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: rewriter
 * verdict: reject
 * cause: BPF-V012
 *
 * Reads through a packet pointer from before the packet was reallocated.
 */
#include "click_bpf.h"

SEC("rewriter") int prog(struct click_ctx *ctx)
{
	__u8 *data = click_data(ctx), *end = click_data_end(ctx);

	if (data + 14 > end)
		return REWRITER_ABORT;
	if (bpf_packet_add_space(4, 0))
		return REWRITER_ABORT;
	return data[12] == 8;
}
