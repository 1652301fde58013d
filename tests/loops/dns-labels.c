/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Steps over the labels of a DNS name by their lengths; compressed names are not taken.
 */
#include "loop.h"

SEC("filter") int dns_labels(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx) + 12, *end = click_data_end(ctx);
	__u32 labels = 0;

	KEEP while (labels < 32) {
		if (at + 1 > end)
			return FILTER_ABORT;
		if (*at == 0)
			break;
		if (*at > 63)
			return FILTER_ABORT;
		at += *at + 1;
		labels++;
	}
	return labels > 10 ? FILTER_DROP : FILTER_PASS;
}
