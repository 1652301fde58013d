/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Walks TCP options by an offset, 40 rounds at most.
 */
#include "loop.h"

SEC("filter") int tcp_options_index(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 length, at = 20;

	if (data + 20 > end)
		return FILTER_ABORT;
	length = (data[12] >> 4) * 4;
	KEEP for (__u8 round = 0; round < 40; round++) {
		const __u8 *option = data + at;

		if (at >= length)
			break;
		if (option + 2 > end)
			return FILTER_ABORT;
		if (option[0] == 0)
			break;
		if (option[0] == 1) {
			at++;
			continue;
		}
#ifndef UNCHECKED
		if (option + 4 > end)
			return FILTER_ABORT;
#endif
		if (option[0] == 2)
			return be16(option + 2) > 1400 ? FILTER_DROP : FILTER_PASS;
		at += option[1];
	}
	return FILTER_PASS;
}
