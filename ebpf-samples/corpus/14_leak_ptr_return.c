/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: reject
 * cause: BPF-V013
 *
 * Returns the address of the packet.
 */
#include "click_bpf.h"

SEC("filter") __u64 prog(struct click_ctx *ctx)
{
	return ctx->data;
}
