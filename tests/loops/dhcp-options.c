/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Options of DHCP: padding without a length, an end, and all others with one.
 */
#include "loop.h"

SEC("filter") int dhcp_options(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 at = 240;

	KEEP for (int i = 0; i < 32; i++) {
		const __u8 *option = data + (at & 0x3ff);

		if (option + 3 > end)
			return FILTER_ABORT;
		if (option[0] == 255)
			break;
		if (option[0] == 0) {
			at++;
			continue;
		}
		if (option[0] == 53)
			return option[2] == 3 ? FILTER_DROP : FILTER_PASS;
		at += 2 + option[1];
	}
	return FILTER_PASS;
}
