/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: accept
 * cause: -
 *
 * Prints with no number and with up to three, in every form in which a text comes.
 */
#include "net.h"

SEC("filter") int print(struct click_ctx *ctx)
{
	char text[] = "on the stack %d\n";

	/* The text is in `.rodata.str1.1`, and r3 to r5 are as the compiler leaves them. */
	bpf_trace_printk("nothing\n", sizeof("nothing\n"));

	bpf_trace_printk(text, sizeof(text), ctx->port);

	bpf_printk("no number");
	bpf_printk("one %u", ctx->port);
	bpf_printk("two %x %llx", ctx->mark, ctx->rx_time_ns);
	bpf_printk("three %d %lu %lld%%", -1, ctx->rx_time_ns, ctx->delay_ns);
	return FILTER_PASS;
}
