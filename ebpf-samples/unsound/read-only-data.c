/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: reject
 * cause: BPF-V019
 *
 * Writes to a constant.
 *
 * PREVAIL takes every data section for a map that may be written.
 */
#include "click_bpf.h"

volatile const __u32 limit = 80;

SEC("filter") int prog(struct click_ctx *ctx)
{
	(void)ctx;
	*(volatile __u32 *)&limit = 81;
	return FILTER_PASS;
}
