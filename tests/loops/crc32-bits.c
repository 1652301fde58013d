/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * CRC-32 of up to 64 bytes, eight steps for each.
 */
#include "loop.h"

SEC("filter") int crc32_bits(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 crc = ~0u;

	KEEP for (__u32 i = 0; i < 64; i++) {
		if (data + i + 1 > end)
			break;
		crc ^= data[i];
		KEEP for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (0xedb88320 & -(crc & 1));
	}
	return crc & 1 ? FILTER_DROP : FILTER_PASS;
}
