/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Numbers of QUIC, one to eight bytes long as their first two bits say, six in a row.
 */
#include "loop.h"

SEC("filter") int quic_frames(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx), *end = click_data_end(ctx);
	__u64 sum = 0;

	KEEP for (int frame = 0; frame < 6; frame++) {
		__u64 number;
		__u32 length;

		if (at + 1 > end)
			break;
		length = 1u << (*at >> 6);
		number = *at++ & 0x3f;
		KEEP while (--length) {
			if (at + 1 > end)
				return FILTER_ABORT;
			number = number << 8 | *at++;
		}
		sum += number;
	}
	return sum > 5000 ? FILTER_DROP : FILTER_PASS;
}
