/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bench.h"

/* Looks for "EVIL" at any of 192 places of the payload. */
SEC("filter") int program(struct click_ctx *ctx)
{
	PARSE_UDP(ctx);
	__u8 *at = (__u8 *)(udp + 1);
	for (__u32 i = 0; i < 192; i++) {
		if (at + 4 > end)
			return FILTER_PASS;
		if (at[0] == 'E' && at[1] == 'V' && at[2] == 'I' && at[3] == 'L')
			return FILTER_DROP;
		at++;
	}
	return FILTER_PASS;
}
