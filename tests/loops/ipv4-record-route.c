/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Looks for the record route option and in it for an address: a loop after a loop.
 */
#include "loop.h"

#define RECORD_ROUTE 7

SEC("filter") int ipv4_record_route(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx), *option = 0;
	__u32 length, at = 20;

	if (data + 20 > end)
		return FILTER_ABORT;
	length = (data[0] & 0xf) * 4;
	if (length < 20)
		return FILTER_ABORT;
	KEEP while (at < length && at < 60) {
		const __u8 *here = data + at;

		if (here + 3 > end)
			return FILTER_ABORT;
		if (here[0] == RECORD_ROUTE) {
			option = here;
			break;
		}
		if (here[0] != 1 && here[1] < 2)
			return FILTER_ABORT;
		at += here[0] == 1 ? 1 : here[1];
	}
	if (!option)
		return FILTER_PASS;
	option += 3;
	KEEP for (int i = 0; i < 9; i++) {
		if (option + 4 > end)
			break;
		if (be32(option) == 0x0a000001)
			return FILTER_DROP;
		option += 4;
	}
	return FILTER_PASS;
}
