/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: undecided
 * cause: BPF-V037
 *
 * Swaps a number whose top bit is set afterwards, and dereferences null where it is large.
 *
 * PREVAIL 0.2.6 takes the swapped constant for a negative number and holds the branch for
 * unreachable.
 */
#include "click_bpf.h"

SEC("filter") int prog(struct click_ctx *ctx)
{
	__u64 number = 0x80;

	if (ctx->mark == 7)
		return FILTER_DROP; /* so that the verifier sees a way out */
	asm volatile("%0 = bswap64 %0" : "+r"(number));
	if (number > 5)
		return *(volatile __u32 *)0 & 1;
	return FILTER_PASS;
}
