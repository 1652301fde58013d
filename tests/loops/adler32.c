/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Adler-32 (RFC 1950) of the first 64 bytes, with a remainder in each round.
 */
#include "loop.h"

SEC("filter") int adler32(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 a = 1, b = 0;

	if (data + 64 > end)
		return FILTER_ABORT;
	KEEP for (__u32 i = 0; i < 64; i++) {
		a = (a + data[i]) % 65521;
		b = (b + a) % 65521;
	}
	return (b << 16 | a) == 1 ? FILTER_DROP : FILTER_PASS;
}
