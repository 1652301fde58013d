/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Sorts eight bytes of the packet on the stack by insertion.
 */
#include "loop.h"

#ifndef LEAST
#define LEAST 0
#endif

SEC("filter") int insertion_sort(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u8 sorted[8];

	if (data + 8 > end)
		return FILTER_ABORT;
	KEEP for (int i = 0; i < 8; i++) {
		int place = i;

		KEEP while (place > LEAST && sorted[place - 1] > data[i]) {
			sorted[place] = sorted[place - 1];
			place--;
		}
		sorted[place] = data[i];
	}
	return sorted[3] > 100 ? FILTER_DROP : FILTER_PASS;
}
