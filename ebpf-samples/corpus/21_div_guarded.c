/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: classifier
 * verdict: accept
 * cause: -
 *
 * Divides by a byte of the packet after a test.
 */
#include "click_bpf.h"

SEC("classifier") int prog(struct click_ctx *ctx)
{
	__u8 *data = click_data(ctx), *end = click_data_end(ctx);

	if (data + 2 > end)
		return CLASSIFIER_DROP;
	__u32 divisor = data[0];
	if (!divisor)
		return CLASSIFIER_DROP;
	return 1000u / divisor & 1;
}
