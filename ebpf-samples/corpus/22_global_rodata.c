/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: accept
 * cause: -
 *
 * A constant in .rodata and a counter in .bss.
 */
#include "click_bpf.h"

volatile const __u32 port = 80;
__u32 counter;

SEC("filter") int prog(struct click_ctx *ctx)
{
	counter++;
	return ctx->port == port ? FILTER_PASS : FILTER_DROP;
}
