/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: classifier
 * verdict: accept
 * cause: -
 *
 * Sends packets to outputs 0 and 1 in turn.
 */
#include "click_bpf.h"

#define OUTPUTS 2

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} packets SEC(".maps");

SEC("classifier") int round_robin(struct click_ctx *ctx)
{
	__u32 index = 0;
	__u64 *count = bpf_map_lookup_elem(&packets, &index);

	(void)ctx;
	/*
	 * Entry 0 of an array exists, but the proof wants the test. CLASSIFIER_DROP here would make
	 * the proved range 0..255, and every element with two outputs would refuse the program.
	 */
	if (!count)
		return 0;
	return (*count)++ % OUTPUTS;
}
