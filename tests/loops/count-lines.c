/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Counts line breaks in up to 200 bytes, with continue and break.
 */
#include "loop.h"

SEC("filter") int count_lines(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 lines = 0;

	KEEP for (__u64 i = 0; i < 200; i++) {
		if (data + i + 1 > end)
			break;
		if (data[i] != '\n')
			continue;
		if (++lines == 9)
			break;
	}
	return lines == 9 ? FILTER_DROP : FILTER_PASS;
}
