/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: reject
 * cause: BPF-V006
 *
 * Reads the eight bytes behind the 40 of the context.
 */
#include "click_bpf.h"

SEC("filter") int prog(struct click_ctx *ctx)
{
	return ((volatile __u64 *)ctx)[5] & 1;
}
