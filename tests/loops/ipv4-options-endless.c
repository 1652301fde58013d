/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: endless
 *
 * Walks options without a count and takes a length of zero: it then stands still.
 */
#include "loop.h"

SEC("filter") int ipv4_options_endless(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 length, at = 20;

	if (data + 20 > end)
		return FILTER_ABORT;
	length = (data[0] & 0xf) * 4;
	KEEP while (at < length) {
		if (data + at + 2 > end)
			return FILTER_ABORT;
		if (data[at] == 0)
			break;
		at += data[at] == 1 ? 1 : data[at + 1];
	}
	return FILTER_PASS;
}
