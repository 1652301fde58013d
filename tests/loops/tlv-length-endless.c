/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: endless
 *
 * Elements whose length counts the whole element, so that one of length zero repeats for ever.
 */
#include "loop.h"

SEC("filter") int tlv_length_endless(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx), *end = click_data_end(ctx);

	KEEP while (at + 2 <= end) {
		if (at[0] == 0)
			return FILTER_DROP;
		at += at[1];
	}
	return FILTER_PASS;
}
