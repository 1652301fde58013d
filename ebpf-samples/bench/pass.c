/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bench.h"

SEC("filter") int program(struct click_ctx *ctx)
{
	(void)ctx;
	return FILTER_PASS;
}
