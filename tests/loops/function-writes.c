/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * A function fills one element of the caller's array in each iteration.
 */
#include "loop.h"

#ifndef COUNT
#define COUNT 8
#endif

static __noinline void put(__u32 *to, __u32 number)
{
	*to = number * 2654435761u;
}

SEC("filter") int function_writes(struct click_ctx *ctx)
{
	__u32 numbers[8], sum = 0;

	KEEP for (int i = 0; i < COUNT; i++)
		put(&numbers[i], ctx->port + i);
	KEEP for (int i = 0; i < 8; i++)
		sum ^= numbers[i];
	return sum & 1 ? FILTER_DROP : FILTER_PASS;
}
