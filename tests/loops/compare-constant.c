/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Compares 16 bytes of the packet with a constant.
 */
#include "loop.h"

#ifndef LENGTH
#define LENGTH 16
#endif

static const char pattern[16] = "hello-world-1234";

SEC("filter") int compare_constant(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);

	if (data + 32 > end)
		return FILTER_ABORT;
	KEEP for (__u32 i = 0; i < LENGTH; i++)
		if (data[i] != (__u8)pattern[i])
			return FILTER_PASS;
	return FILTER_DROP;
}
