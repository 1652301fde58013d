/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * The index of the largest of ten bytes, used as an index afterwards.
 */
#include "loop.h"

SEC("filter") int selection(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 largest = 0;

	if (data + 10 > end)
		return FILTER_ABORT;
	KEEP for (__u32 i = 1; i < 10; i++)
		if (data[i] > data[largest])
			largest = i;
	return data[largest] == 200 ? FILTER_DROP : FILTER_PASS;
}
