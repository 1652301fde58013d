/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: reject
 * cause: BPF-V010
 *
 * Calls helper 25, which the platform does not have.
 */
#include "click_bpf.h"

static long (*bpf_perf_event_output)(void *ctx) = (void *)25;

SEC("filter") int prog(struct click_ctx *ctx)
{
	return bpf_perf_event_output(ctx) & 1;
}
