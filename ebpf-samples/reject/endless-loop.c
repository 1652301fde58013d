/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: reject
 * cause: BPF-V009
 *
 * Waits for a random number that may never come.
 */
#include "click_bpf.h"

SEC("filter") int endless_loop(struct click_ctx *ctx)
{
	(void)ctx;
	while (bpf_get_prandom_u32() != 7)
		;
	return FILTER_PASS;
}
