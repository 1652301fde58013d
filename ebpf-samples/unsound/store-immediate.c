/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: undecided
 * cause: BPF-V037
 *
 * Stores -1 with one instruction, loads it, and dereferences null where it is large.
 *
 * PREVAIL 0.2.6 loses the upper half of the immediate and holds the branch for unreachable.
 */
#include "click_bpf.h"

SEC("filter") int prog(struct click_ctx *ctx)
{
	volatile __u64 stored = ~0ULL;
	__u64 limit = stored;

	if (ctx->mark == 7)
		return FILTER_DROP; /* so that the verifier sees a way out */
	if (limit > 1000)
		return *(volatile __u32 *)0 & 1;
	return FILTER_PASS;
}
