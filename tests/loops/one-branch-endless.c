/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: endless
 *
 * A loop that forgets to count in one of its three branches.
 */
#include "loop.h"

SEC("filter") int one_branch_endless(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 i = 0, sum = 0;

	if (data + 32 > end)
		return FILTER_ABORT;
	KEEP while (i < 32) {
		if (data[i] == 0xfe) {
			sum += 3;
			continue;
		}
		sum += data[i] & 1 ? 2 : 1;
		i++;
	}
	return sum & 1 ? FILTER_DROP : FILTER_PASS;
}
