/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: reject
 * cause: BPF-V017
 *
 * A called function reads from the frame of its caller.
 *
 * PREVAIL checks that the address lies in the stack as a whole, not in the function's own frame.
 */
#include "click_bpf.h"

static __noinline __u64 peek(void)
{
	__u64 number;

	asm volatile("%0 = *(u64 *)(r10 + 0)" : "=r"(number));
	return number;
}

SEC("filter") int prog(struct click_ctx *ctx)
{
	(void)ctx;
	asm volatile("*(u64 *)(r10 - 512) = 5" ::: "memory");
	return peek() == 5 ? FILTER_PASS : FILTER_DROP;
}
