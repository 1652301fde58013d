/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: classifier
 * verdict: reject
 * cause: BPF-V002
 *
 * Reads through the result of a lookup without a test for null.
 */
#include "click_bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

SEC("classifier") int prog(struct click_ctx *ctx)
{
	__u32 index = 0;
	__u64 *value = bpf_map_lookup_elem(&counters, &index);

	(void)ctx;
	return *value & 1;
}
