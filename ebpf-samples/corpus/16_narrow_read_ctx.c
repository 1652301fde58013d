/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: reject
 * cause: BPF-V013
 *
 * Reads half of a pointer from the context and returns it.
 */
#include "click_bpf.h"

SEC("filter") int prog(struct click_ctx *ctx)
{
	return *(volatile __u32 *)&ctx->data;
}
