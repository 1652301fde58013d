/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: undecided
 * cause: BPF-V039
 *
 * 99,999 iterations of a 32-bit counter, which clang turns into one that counts down to zero.
 */
#include "click_bpf.h"

SEC("filter") int prog(struct click_ctx *ctx)
{
	__u32 sum = 0;

	(void)ctx;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < 99999; i++) {
		asm volatile("" : "+r"(sum));
		sum++;
	}
	return sum > 1000 ? FILTER_DROP : FILTER_PASS;
}
