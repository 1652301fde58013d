/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: rewriter
 * verdict: accept
 * cause: -
 *
 * Swaps the Ethernet addresses, so that a frame goes back to where it came from.
 */
#include "net.h"

SEC("rewriter") int ether_mirror(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	struct ethernet *ethernet = (void *)click_data(ctx);

	if ((const void *)(ethernet + 1) > end)
		return REWRITER_ABORT;
	for (int i = 0; i < 6; i++) {
		__u8 byte = ethernet->destination[i];

		ethernet->destination[i] = ethernet->source[i];
		ethernet->source[i] = byte;
	}
	return REWRITER_SUCCESS;
}
