/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Elements within elements: the inner walk ends where the outer element does.
 */
#include "loop.h"

SEC("filter") int tlv_nested(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 at = 0;

	KEEP for (int outer = 0; outer < 4; outer++) {
		__u32 stop, inner;

		if (data + at + 2 > end)
			return FILTER_PASS;
		stop = at + 2 + (data[at + 1] & 31);
		inner = at + 2;
		KEEP while (inner < stop) {
			if (data + inner + 2 > end)
				return FILTER_ABORT;
			if (data[inner] == 0xff)
				return FILTER_DROP;
			inner += 2 + data[inner + 1];
		}
		at = stop;
	}
	return FILTER_PASS;
}
