/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: reject
 * cause: BPF-V014
 *
 * Returns a byte of the packet where a filter may return 0, 1 or 2.
 */
#include "click_bpf.h"

SEC("filter") int wrong_return_value(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx);

	if (data + 1 > click_data_end(ctx))
		return FILTER_ABORT;
	return data[0];
}
