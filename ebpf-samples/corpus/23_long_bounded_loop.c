/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: reject
 * cause: BPF-V009
 *
 * 200,000 iterations, more than the 100,000 that a proof may take.
 */
#include "click_bpf.h"

SEC("filter") int prog(struct click_ctx *ctx)
{
	__u32 sum = 0;

	(void)ctx;
	for (volatile __u32 i = 0; i < 200000; i++)
		sum++;
	return sum > 1000 ? FILTER_DROP : FILTER_PASS;
}
