/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Walks the options of an IPv4 header by an index, 40 at most.
 */
#include "loop.h"

#ifndef NEEDED
#define NEEDED 2
#endif

SEC("filter") int ipv4_options(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 length, at = 20;

	if (data + 20 > end)
		return FILTER_ABORT;
	length = (data[0] & 0xf) * 4;
	KEEP for (int i = 0; i < 40 && at < length; i++) {
		if (data + at + NEEDED > end)
			return FILTER_ABORT;
		if (data[at] == 0)
			break;
		if (data[at] == 1) {
			at++;
			continue;
		}
		if (data[at + 1] < 2)
			return FILTER_ABORT;
		at += data[at + 1];
	}
	return FILTER_PASS;
}
