/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: rewriter
 * verdict: safe
 * cause: -
 *
 * Finds the maximum segment size among TCP options and lowers it in the packet.
 */
#include "loop.h"

SEC("rewriter") int tcp_mss_clamp(struct click_ctx *ctx)
{
	__u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 at = 20;

	KEEP for (int round = 0; round < 20 && at < 60; round++) {
		__u8 *option = data + at;

		if (option + 4 > end)
			return REWRITER_SUCCESS;
		if (option[0] == 0)
			return REWRITER_SUCCESS;
		if (option[0] == 2) {
			if (be16(option + 2) > 1400) {
				option[2] = 1400 >> 8;
				option[3] = 1400 & 0xff;
			}
			return REWRITER_SUCCESS;
		}
		at += option[0] == 1 ? 1 : option[1];
	}
	return REWRITER_ABORT;
}
