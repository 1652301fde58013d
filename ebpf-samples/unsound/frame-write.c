/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: reject
 * cause: BPF-V017
 *
 * A called function writes to the frame of its caller.
 *
 * PREVAIL checks that the address lies in the stack as a whole, not in the function's own frame.
 */
#include "click_bpf.h"

static __noinline void overwrite(void)
{
	asm volatile("r1 = 0x41414141\n"
		     "*(u64 *)(r10 + 0) = r1\n"
		     "*(u64 *)(r10 + 256) = r1\n" ::: "r1", "memory");
}

SEC("filter") int prog(struct click_ctx *ctx)
{
	(void)ctx;
	overwrite();
	return FILTER_PASS;
}
