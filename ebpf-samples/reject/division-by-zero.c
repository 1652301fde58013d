/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: classifier
 * verdict: reject
 * cause: BPF-V008
 *
 * Divides by a byte of the packet, which may be zero.
 */
#include "click_bpf.h"

SEC("classifier") int division_by_zero(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx);

	if (data + 2 > click_data_end(ctx))
		return CLASSIFIER_DROP;
	return data[0] / (__u32)data[1] & 1;
}
