/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bench.h"

/*
 * RULES is a file that the benchmark writes: a line of RULE for each rule. The barrier keeps a compiler
 * from merging rules, which it can do for C and not for what a verifier has seen.
 */
#define RULE(mask, prefix, low, high)                                                                     \
	if ((source & mask) == prefix && port >= low && port <= high)                                     \
		return FILTER_DROP;                                                                       \
	asm volatile("");

SEC("filter") int program(struct click_ctx *ctx)
{
	PARSE_UDP(ctx);
	__u32 source = ip->source, port = bpf_ntohs(udp->destination);
#include RULES
	return FILTER_PASS;
}
