/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: reject
 * cause: BPF-V009
 *
 * A loop that ends only when a counter and a random number meet.
 */
#include "click_bpf.h"

SEC("filter") int prog(struct click_ctx *ctx)
{
	volatile __u32 i = 0;

	(void)ctx;
	for (;;) {
		i++;
		if (i == 0xffffffffu && bpf_get_prandom_u32() == 7)
			break;
	}
	return FILTER_PASS;
}
