/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * FNV-1a, 64 bits, over up to 100 bytes; the end of the packet ends the loop.
 */
#include "loop.h"

SEC("filter") int fnv1a(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx), *end = click_data_end(ctx);
	__u64 hash = 0xcbf29ce484222325;

	KEEP for (__u8 left = 100; left && at < end; left--)
		hash = (hash ^ *at++) * 0x100000001b3;
	return hash & 1 ? FILTER_DROP : FILTER_PASS;
}
