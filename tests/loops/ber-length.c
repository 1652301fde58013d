/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * A length of ASN.1: the number of its bytes first, then those.
 */
#include "loop.h"

SEC("filter") int ber_length(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx), *end = click_data_end(ctx);
	__u32 length = 0, bytes;

	if (at + 2 > end)
		return FILTER_ABORT;
	if (!(at[1] & 0x80))
		return FILTER_PASS;
	bytes = at[1] & 0x7f;
	if (bytes > 4)
		return FILTER_ABORT;
	at += 2;
	KEEP while (bytes--) {
		if (at + 1 > end)
			return FILTER_ABORT;
		length = length << 8 | *at++;
	}
	return length > 65535 ? FILTER_DROP : FILTER_PASS;
}
