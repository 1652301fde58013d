/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: accept
 * cause: -
 *
 * Drops every packet.
 */
#include "click_bpf.h"

SEC("filter") int drop(struct click_ctx *ctx)
{
	(void)ctx;
	return FILTER_DROP;
}
