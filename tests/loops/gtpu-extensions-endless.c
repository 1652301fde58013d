/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: endless
 *
 * Extension headers of GTP-U without a count, of which one of length zero repeats for ever.
 */
#include "loop.h"

SEC("filter") int gtpu_extensions_endless(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx), *end = click_data_end(ctx);

	if (at + 12 > end || !(at[0] & 4))
		return FILTER_PASS;
	at += 12;
	KEEP for (;;) {
		if (at + 4 > end)
			return FILTER_ABORT;
		if (at[3] == 0)
			return FILTER_PASS;
		at += at[0] * 4;
	}
}
