/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: reject
 * cause: BPF-V007
 *
 * Writes the packet's start in the context, then reads through it.
 */
#include "click_bpf.h"

SEC("filter") int prog(struct click_ctx *ctx)
{
	ctx->data = 0;
	__u8 *data = click_data(ctx), *end = click_data_end(ctx);

	if (data + 1 > end)
		return FILTER_ABORT;
	return data[0] == 8;
}
