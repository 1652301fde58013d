/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: accept
 * cause: -
 *
 * Every access behind its test, a hash lookup and an atomic addition.
 */
#include "click_bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u16);
	__type(value, __u64);
} ports SEC(".maps");

SEC("filter") int prog(struct click_ctx *ctx)
{
	__u8 *data = click_data(ctx), *end = click_data_end(ctx);

	if (data + 14 + 20 > end)
		return FILTER_ABORT;
	if (data[12] != 0x08 || data[13] != 0)
		return FILTER_ABORT;
	__u8 *ip = data + 14;
	__u32 length = (ip[0] & 0xf) * 4;
	if (length < 20)
		return FILTER_ABORT;
	if (ip[9] != 17 && ip[9] != 6)
		return FILTER_ABORT;
	__u8 *transport = ip + length;
	if (transport + 4 > end)
		return FILTER_ABORT;
	__u16 port = bpf_ntohs(*(__u16 *)(transport + 2));
	__u64 *hits = bpf_map_lookup_elem(&ports, &port);
	if (hits) {
		__sync_fetch_and_add(hits, 1);
		return FILTER_DROP;
	}
	return FILTER_PASS;
}
