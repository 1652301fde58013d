/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Walks TCP options with a pointer up to another pointer, which lies within the packet.
 */
#include "loop.h"

SEC("filter") int tcp_options_pointer(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx), *end = click_data_end(ctx), *stop;
	__u32 length;

	if (at + 20 > end)
		return FILTER_ABORT;
	length = (at[12] >> 4) * 4;
	if (length < 20)
		return FILTER_ABORT;
	stop = at + length;
	if (stop > end)
		return FILTER_ABORT;
	at += 20;
	KEEP while (at < stop) {
		if (at[0] == 0)
			break;
		if (at[0] == 1) {
			at++;
			continue;
		}
		if (at + 2 > stop || at[1] < 2)
			return FILTER_ABORT;
		if (at[0] == 19)
			return FILTER_DROP;
		at += at[1];
	}
	return FILTER_PASS;
}
