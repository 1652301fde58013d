/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Asks for a random number up to eight times until it fits.
 */
#include "loop.h"

SEC("filter") int retry(struct click_ctx *ctx)
{
	(void)ctx;
	KEEP for (int i = 0; i < 8; i++)
		if (bpf_get_prandom_u32() % 10 < 3)
			return FILTER_DROP;
	return FILTER_PASS;
}
