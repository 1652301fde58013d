/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: accept
 * cause: -
 *
 * Passes everything, counts packets and bytes of each IPv4 flow, and keeps the largest eight in a table.
 *
 * `flows` holds the flows of late; `top` those with the most bytes, in no order: a flow that is there has
 * its count renewed, another takes the place of the smallest once it has more. Since the LRU may forget a
 * flow and count it anew, `top` is a lower bound. The packet starts with its Ethernet header.
 */
#include "net.h"

#define TOP 8

struct flow {
	__u32 source;
	__u32 destination;
	struct ports ports;
	__u32 protocol;
};

struct count {
	__u64 packets;
	__u64 bytes;
};

struct place {
	struct flow flow;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow);
	__type(value, struct count);
} flows SEC(".maps");

/* All places are one value: one lookup, and one bound for all of them. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct place[TOP]);
} top SEC(".maps");

static __always_inline int same(const struct flow *a, const struct flow *b)
{
	return a->source == b->source && a->destination == b->destination &&
	       a->ports.source == b->ports.source && a->ports.destination == b->ports.destination &&
	       a->protocol == b->protocol;
}

static __always_inline void rank(const struct flow *flow, __u64 bytes)
{
	__u32 first = 0;
	struct place *places = bpf_map_lookup_elem(&top, &first), *smallest = places;

	if (!places)
		return;
#pragma unroll
	for (int i = 0; i < TOP; i++) {
		if (same(&places[i].flow, flow)) {
			places[i].bytes = bytes;
			return;
		}
		if (places[i].bytes < smallest->bytes)
			smallest = &places[i];
	}
	if (bytes > smallest->bytes) {
		smallest->flow = *flow;
		smallest->bytes = bytes;
	}
}

SEC("filter") int flow_bytes(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	const struct ethernet *ethernet = (const void *)click_data(ctx);
	const struct ipv4 *ip = (const void *)(ethernet + 1);
	__u64 length = ctx->data_end - ctx->data, header;
	struct flow flow = {};
	struct count *count;

	if ((const void *)(ip + 1) > end || ethernet->type != bpf_htons(ETHERTYPE_IPV4))
		return FILTER_PASS;
	flow.source = ip->source;
	flow.destination = ip->destination;
	flow.protocol = ip->protocol;
	header = (ip->version_length & 0xf) * 4;
	if ((ip->protocol == PROTOCOL_TCP || ip->protocol == PROTOCOL_UDP) && header >= sizeof(*ip) &&
	    !(ip->flags_offset & bpf_htons(IPV4_OFFSET_MASK))) {
		const struct ports *ports = (const void *)ip + header;

		if ((const void *)(ports + 1) <= end)
			flow.ports = *ports;
	}
	count = bpf_map_lookup_elem(&flows, &flow);
	if (count) {
		count->packets += 1;
		count->bytes += length;
		rank(&flow, count->bytes);
	} else {
		struct count fresh = {.packets = 1, .bytes = length};

		bpf_map_update_elem(&flows, &flow, &fresh, BPF_ANY);
		rank(&flow, length);
	}
	return FILTER_PASS;
}
