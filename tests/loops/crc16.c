/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * CRC-16 of CCITT over 20 bytes with counters of 16 bits that count down.
 */
#include "loop.h"

SEC("filter") int crc16(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx), *end = click_data_end(ctx);
	__u16 crc = 0xffff;

	if (at + 20 > end)
		return FILTER_ABORT;
	KEEP for (__u16 left = 20; left; left--) {
		crc ^= *at++ << 8;
		KEEP for (__u16 bits = 8; bits; bits--)
			crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
	}
	return crc ? FILTER_DROP : FILTER_PASS;
}
