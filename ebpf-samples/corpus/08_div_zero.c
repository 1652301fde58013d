/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: classifier
 * verdict: reject
 * cause: BPF-V008
 *
 * Divides by a byte of the packet without a test.
 */
#include "click_bpf.h"

SEC("classifier") int prog(struct click_ctx *ctx)
{
	__u8 *data = click_data(ctx), *end = click_data_end(ctx);

	if (data + 2 > end)
		return CLASSIFIER_DROP;
	return 1000u / (__u32)data[0] & 1;
}
