/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Hashes a DNS name of up to 253 bytes, byte by byte, up to its zero.
 */
#include "loop.h"

SEC("filter") int dns_hash(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx) + 12, *end = click_data_end(ctx);
	__u32 hash = 5381;

	KEEP for (int i = 0; i < 253; i++) {
		__u8 byte;

		if (at + 1 > end)
			return FILTER_ABORT;
		byte = *at++;
		if (byte == 0)
			break;
		hash = hash * 33 + byte;
	}
	return hash == 0x1234 ? FILTER_DROP : FILTER_PASS;
}
