/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: classifier
 * verdict: accept
 * cause: -
 *
 * The clock, formatted output and a random number.
 */
#include "click_bpf.h"

SEC("classifier") int prog(struct click_ctx *ctx)
{
	(void)ctx;
	bpf_printk("t=%llu\n", bpf_ktime_get_ns());
	return bpf_get_prandom_u32() & 1;
}
