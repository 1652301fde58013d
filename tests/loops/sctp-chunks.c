/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Chunks of SCTP, whose lengths are rounded up to four.
 */
#include "loop.h"

SEC("filter") int sctp_chunks(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx) + 12, *end = click_data_end(ctx);

	KEEP for (int i = 0; i < 10; i++) {
		__u32 length;

		if (at + 4 > end)
			return FILTER_PASS;
		length = be16(at + 2);
		if (length < 4)
			return FILTER_ABORT;
		if (at[0] == 6)
			return FILTER_DROP;
		at += (length + 3) & ~3u;
	}
	return FILTER_PASS;
}
