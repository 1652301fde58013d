/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: accept
 * cause: -
 *
 * Drops packets that contain the text `leetcode` within their first 128 bytes.
 *
 * The last eight bytes are one number, so that a text which begins within another beginning of it is
 * found too.
 */
#include "click_bpf.h"

#define TEXT 0x6c656574636f6465ULL /* leetcode */
#define LONGEST 128

SEC("filter") int stringmatcher(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u64 last = 0;

#pragma clang loop unroll(disable)
	for (__u64 i = 0; i < LONGEST; i++) {
		if (data + i + 1 > end)
			break;
		last = last << 8 | data[i];
		if (last == TEXT)
			return FILTER_DROP;
	}
	return FILTER_PASS;
}
