/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: accept
 * cause: -
 *
 * Two instructions.
 */
#include "click_bpf.h"

SEC("filter") int prog(struct click_ctx *ctx)
{
	(void)ctx;
	return FILTER_PASS;
}
