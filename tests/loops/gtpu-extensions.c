/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Extension headers of GTP-U: a length in words, and the kind of the next at the end.
 */
#include "loop.h"

SEC("filter") int gtpu_extensions(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx), *end = click_data_end(ctx);
	__u8 next;

	if (at + 12 > end)
		return FILTER_ABORT;
	if (!(at[0] & 4))
		return FILTER_PASS;
	next = at[11];
	at += 12;
	KEEP for (__u32 i = 0; next && i < 5; i++) {
		__u32 length;

		if (at + 4 > end)
			return FILTER_ABORT;
		length = at[0] * 4;
		if (length == 0 || at + length > end)
			return FILTER_ABORT;
		if (next == 0x85)
			return FILTER_DROP;
		next = at[length - 1];
		at += length;
	}
	return FILTER_PASS;
}
