/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bench.h"

SEC("filter") int program(struct click_ctx *ctx)
{
	PARSE_UDP(ctx);
	return udp->destination == bpf_htons(12345) ? FILTER_DROP : FILTER_PASS;
}
