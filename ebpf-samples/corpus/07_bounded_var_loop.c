/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: accept
 * cause: -
 *
 * A loop bounded by a byte of the packet and by 64, with a bounds test inside.
 */
#include "click_bpf.h"

SEC("filter") int prog(struct click_ctx *ctx)
{
	__u8 *data = click_data(ctx), *end = click_data_end(ctx);

	if (data + 1 > end)
		return FILTER_ABORT;
	__u32 count = data[0];
	__u32 sum = 0;
	for (__u32 i = 0; i < count && i < 64; i++) {
		if (data + i + 1 > end)
			break;
		sum += data[i];
	}
	return sum > 1000 ? FILTER_DROP : FILTER_PASS;
}
