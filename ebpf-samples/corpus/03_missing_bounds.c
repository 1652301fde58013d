/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: reject
 * cause: BPF-V001
 *
 * Reads byte 23 of a packet of which 14 are known to exist.
 */
#include "click_bpf.h"

SEC("filter") int prog(struct click_ctx *ctx)
{
	__u8 *data = click_data(ctx), *end = click_data_end(ctx);

	if (data + 14 > end)
		return FILTER_ABORT;
	return data[14 + 9] == 17;
}
