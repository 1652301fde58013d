/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: rewriter
 * verdict: reject
 * cause: BPF-V012
 *
 * A stale packet pointer that was kept on the stack across the reallocation.
 */
#include "click_bpf.h"

SEC("rewriter") int prog(struct click_ctx *ctx)
{
	__u8 *data = click_data(ctx), *end = click_data_end(ctx);

	if (data + 14 > end)
		return REWRITER_ABORT;
	__u8 *volatile saved = data;
	if (bpf_packet_add_space(4, 0))
		return REWRITER_ABORT;
	return saved[0] == 8;
}
