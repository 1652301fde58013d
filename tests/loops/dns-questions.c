/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Up to four questions of a DNS message, each a name of up to eight labels and four bytes.
 */
#include "loop.h"

SEC("filter") int dns_questions(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx), *end = click_data_end(ctx);
	__u32 questions;

	if (at + 12 > end)
		return FILTER_ABORT;
	questions = be16(at + 4);
	if (questions > 4)
		return FILTER_ABORT;
	at += 12;
	KEEP while (questions--) {
		KEEP for (int label = 0; label < 8; label++) {
			if (at + 1 > end)
				return FILTER_ABORT;
			if (*at == 0)
				break;
			at += (*at & 63) + 1;
		}
		if (at + 5 > end)
			return FILTER_ABORT;
		if (be16(at + 1) == 255)
			return FILTER_DROP;
		at += 5;
	}
	return FILTER_PASS;
}
