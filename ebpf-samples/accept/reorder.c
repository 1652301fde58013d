/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: classifier
 * verdict: accept
 * cause: -
 *
 * Spreads packets over the outputs that a queue names, each in its turn.
 *
 * The control plane pushes numbers of outputs, of which the lower two bits count; each is taken out,
 * used and put back at the end. A stack remembers what was used last. Without a turn, a packet is
 * dropped.
 */
#include "click_bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 16);
	__type(value, __u32);
} turns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 8);
	__type(value, __u32);
} used SEC(".maps");

SEC("classifier") int reorder(struct click_ctx *ctx)
{
	__u32 output;

	(void)ctx;
	if (bpf_map_pop_elem(&turns, &output))
		return CLASSIFIER_DROP;
	bpf_map_push_elem(&turns, &output, BPF_ANY);
	bpf_map_push_elem(&used, &output, BPF_EXIST);
	return output & 3;
}
