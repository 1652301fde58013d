/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Options of Geneve within the length that the header names.
 */
#include "loop.h"

SEC("filter") int geneve_options(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 length, at = 0;

	if (data + 8 > end)
		return FILTER_ABORT;
	length = (data[0] & 0x3f) * 4;
	data += 8;
	if (data + length > end)
		return FILTER_ABORT;
	KEEP while (at < length) {
		if (data + at + 4 > end)
			return FILTER_ABORT;
		if (data[at + 2] & 0x80)
			return FILTER_DROP;
		at += 4 + (data[at + 3] & 0x1f) * 4;
	}
	return FILTER_PASS;
}
