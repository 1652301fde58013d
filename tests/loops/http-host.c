/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Looks for the line of HTTP that names the host, as a machine of states over 128 bytes.
 */
#include "loop.h"

static const char wanted[8] = "\r\nHost: ";

SEC("filter") int http_host(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx), *end = click_data_end(ctx);
	__u32 state = 0;

	KEEP for (int i = 0; i < 128; i++, at++) {
		if (at + 1 > end)
			return FILTER_PASS;
		if (*at == (__u8)wanted[state])
			state++;
		else
			state = *at == '\r';
#ifdef WRONG
		HIDE(state);
#else
		if (state == 8)
			return FILTER_DROP;
#endif
	}
	return FILTER_PASS;
}
