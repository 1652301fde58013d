/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: rewriter
 * verdict: reject
 * cause: BPF-V012
 *
 * A stale packet pointer in a saved register across a local function that reallocates.
 */
#include "click_bpf.h"

static __noinline int grow(void)
{
	return bpf_packet_add_space(4, 0);
}

SEC("rewriter") int prog(struct click_ctx *ctx)
{
	__u8 *data = click_data(ctx), *end = click_data_end(ctx);

	if (data + 14 > end)
		return REWRITER_ABORT;
	int failed = grow();
	return data[12] == 8 && !failed;
}
