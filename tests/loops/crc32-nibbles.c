/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * CRC-32 by a table of 16 constants, half a byte at a time.
 */
#include "loop.h"

static const __u32 table[16] = {
	0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
	0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

#ifndef MASK
#define MASK 0xf
#endif

SEC("filter") int crc32_nibbles(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 crc = ~0u;

	if (data + 40 > end)
		return FILTER_ABORT;
	KEEP for (__u32 i = 0; i < 40; i++) {
		crc = table[(crc ^ data[i]) & 0xf] ^ crc >> 4;
		crc = table[(crc ^ data[i] >> 4) & MASK] ^ crc >> 4;
	}
	return crc & 1 ? FILTER_DROP : FILTER_PASS;
}
