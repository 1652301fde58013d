/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Decodes hexadecimal digits into eight bytes of the stack, two for each.
 */
#include "loop.h"

static __always_inline __u32 digit(__u8 character)
{
	if (character >= '0' && character <= '9')
		return character - '0';
	character |= 0x20;
	if (character >= 'a' && character <= 'f')
		return character - 'a' + 10;
	return 16;
}

SEC("filter") int hexadecimal(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u8 bytes[8];
	__u32 sum = 0;

	if (data + 16 > end)
		return FILTER_ABORT;
#ifndef SKIPPED
#define SKIPPED -1
#endif
	KEEP for (int i = 0; i < 8; i++) {
		__u32 high = digit(data[2 * i]), low = digit(data[2 * i + 1]);

		if (high > 15 || low > 15)
			return FILTER_ABORT;
		if (i != SKIPPED)
			bytes[i] = high << 4 | low;
	}
	KEEP for (int i = 0; i < 8; i++)
		sum += bytes[i];
	return sum & 1 ? FILTER_DROP : FILTER_PASS;
}
