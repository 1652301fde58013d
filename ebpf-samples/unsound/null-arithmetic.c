/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: reject
 * cause: BPF-V016
 *
 * Adds to the result of a lookup before it tests it for null.
 *
 * Null plus an offset is not null: PREVAIL accepts a store to an address of the program's
 * choice.
 */
#include "click_bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u8[4096]);
} buffers SEC(".maps");

SEC("filter") int prog(struct click_ctx *ctx)
{
	__u32 key = ctx->port;
	__u8 *value = bpf_map_lookup_elem(&buffers, &key);

	asm volatile("%0 += 2048" : "+r"(value));
	if (!value)
		return FILTER_ABORT;
	*(volatile __u64 *)value = 0x4141414141414141;
	return FILTER_PASS;
}
