/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: accept
 * cause: -
 *
 * Walks over the whole packet with a pointer.
 */
#include "click_bpf.h"

SEC("filter") int prog(struct click_ctx *ctx)
{
	__u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 sum = 0;

#pragma clang loop unroll(disable)
	for (__u8 *at = data; at < end; at++)
		sum += *at;
	return sum > 1000 ? FILTER_DROP : FILTER_PASS;
}
