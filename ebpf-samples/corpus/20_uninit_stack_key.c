/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: reject
 * cause: BPF-V005
 *
 * A key of eight bytes of which four were never written.
 */
#include "click_bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u64);
	__type(value, __u64);
} table SEC(".maps");

SEC("filter") int prog(struct click_ctx *ctx)
{
	__u32 key[2];

	(void)ctx;
	key[0] = 1;
	asm volatile("" ::"r"(key) : "memory");
	return bpf_map_lookup_elem(&table, key) ? FILTER_PASS : FILTER_DROP;
}
