/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Adds 700 words: more iterations than an ordinary packet has words.
 */
#include "loop.h"

SEC("filter") int internet_checksum_large(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx), *end = click_data_end(ctx);
	__u64 sum = 0;

	KEEP for (int i = 0; i < 700; i++) {
		if (at + 2 > end)
			break;
		sum += be16(at);
		at += 2;
	}
	return sum % 0xffff ? FILTER_DROP : FILTER_PASS;
}
