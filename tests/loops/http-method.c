/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Compares the beginning of the packet with each of a table of methods of HTTP.
 */
#include "loop.h"

static const char methods[4][8] = { "GET ", "PUT ", "POST ", "DELETE " };

SEC("filter") int http_method(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);

	if (data + 8 > end)
		return FILTER_PASS;
	KEEP for (int method = 0; method < 4; method++) {
		KEEP for (int i = 0; i < 8; i++) {
			if (methods[method][i] == 0)
				return method == 0 ? FILTER_PASS : FILTER_DROP;
			if ((__u8)methods[method][i] != data[i])
				break;
		}
	}
	return FILTER_PASS;
}
