/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: reject
 * cause: BPF-V004
 *
 * Reads a byte of a stack array at a random index below its size; only the first was written.
 */
#include "click_bpf.h"

SEC("filter") int prog(struct click_ctx *ctx)
{
	volatile __u8 bytes[500];
	__u32 index = bpf_get_prandom_u32();

	(void)ctx;
	bytes[0] = 1;
	if (index < 500)
		return bytes[index] == 1;
	return FILTER_ABORT;
}
