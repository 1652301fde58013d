/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bench.h"

struct destination {
	__u8 address[6];
	__u16 unused;
	__u32 network;
	__u32 count;
};

MAP(turns, 0, BPF_MAP_TYPE_ARRAY, 1, __u32, __u64);
MAP(destinations, 1, BPF_MAP_TYPE_ARRAY, 16, __u32, struct destination);

SEC("filter") int program(struct click_ctx *ctx)
{
	PARSE_UDP(ctx);
	__u32 zero = 0;
	__u64 *turn = bpf_map_lookup_elem(&turns, &zero);
	if (!turn)
		return FILTER_DROP;
	__u32 index = (*turn)++ & 15;
	struct destination *to = bpf_map_lookup_elem(&destinations, &index);
	if (!to)
		return FILTER_DROP;
	*(__u32 *)&eth->destination[0] = *(__u32 *)&to->address[0];
	*(__u16 *)&eth->destination[4] = *(__u16 *)&to->address[4];
	to->count++;
	return FILTER_PASS;
}
