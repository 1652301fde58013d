/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Copies TCP options to the stack and walks over the copy, with a mask on the index.
 */
#include "loop.h"

SEC("filter") int tcp_options_stack(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u8 options[64];
	__u32 at = 0;

	KEEP for (__u32 i = 0; i < 64; i++)
		options[i] = data + 20 + i + 1 <= end ? data[20 + i] : 0;
	KEEP for (int round = 0; round < 20; round++) {
		__u8 kind = options[at & 63];

		if (kind == 0 || at >= 40)
			break;
		if (kind == 19)
			return FILTER_DROP;
		at += kind == 1 ? 1 : options[(at + 1) & 63];
	}
	return FILTER_PASS;
}
