/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Decodes 16 characters of Base64 by a table.
 */
#include "loop.h"

/* What each character from '+' to 'z' stands for, 64 for none. */
static const __u8 digits[80] = {
	62, 64, 64, 64, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 64, 64,
	64, 64, 0,  1,  2,  3,	4,  5,	6,  7,	8,  9,	10, 11, 12, 13, 14, 15, 16, 17,
	18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 64, 64, 26, 27, 28, 29, 30, 31,
	32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51,
};

SEC("filter") int base64(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 bits = 0, sum = 0;

	if (data + 16 > end)
		return FILTER_ABORT;
	KEEP for (__u32 i = 0; i < 16; i++) {
		__u32 digit = data[i] - '+';

#ifdef UNCHECKED
		if (data[i] > 'z')
			return FILTER_ABORT;
		digit &= 0xff;
#else
		if (digit >= sizeof(digits))
			return FILTER_ABORT;
#endif
		if (digits[digit] == 64)
			return FILTER_ABORT;
		bits = bits << 6 | digits[digit];
		if (i % 4 == 3)
			sum += bits & 0xffffff;
	}
	return sum & 1 ? FILTER_DROP : FILTER_PASS;
}
