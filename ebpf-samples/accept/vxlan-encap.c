/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: rewriter
 * verdict: accept
 * cause: -
 *
 * Puts Ethernet frames into VXLAN (RFC 7348), for the tunnel endpoint that has their destination.
 *
 * `endpoints` says, by Ethernet address, which endpoint that is; entry ff:ff:ff:ff:ff:ff takes everything
 * else. `own` says what the outer headers hold otherwise. The source port is made of the inner addresses, so
 * that routers spread tunnels over several paths. The outer UDP checksum is zero, as the RFC has it.
 */
#include "net.h"

#define VXLAN_PORT 4789
#define VXLAN_FLAGS 0x08000000
#define DO_NOT_FRAGMENT 0x4000

struct outer {
	struct ethernet ethernet;
	struct ipv4 ip;
	struct ports ports;
	__u16 udp_length;
	__u16 udp_checksum;
	__u32 flags;
	__u32 network;
} __attribute__((packed));

/* An Ethernet address, and two bytes of zero. */
struct address {
	__u8 bytes[6];
	__u16 zero;
};

struct endpoint {
	__u32 ip;
	__u32 network;
	__u8 ethernet[6]; /* of the endpoint, or of the router on the way there */
	__u16 unused;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct address);
	__type(value, struct endpoint);
} endpoints SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct endpoint);
} own SEC(".maps");

static __always_inline struct endpoint *find(const struct ethernet *inner)
{
	struct address address = {};
	struct endpoint *endpoint;

	__builtin_memcpy(address.bytes, inner->destination, 6);
	endpoint = bpf_map_lookup_elem(&endpoints, &address);
	if (endpoint)
		return endpoint;
	__builtin_memset(address.bytes, 0xff, 6);
	return bpf_map_lookup_elem(&endpoints, &address);
}

SEC("rewriter") int vxlan_encap(struct click_ctx *ctx)
{
	__u64 length = ctx->data_end - ctx->data;
	const struct ethernet *inner = (const void *)click_data(ctx);
	__u32 first = 0;
	struct endpoint *from = bpf_map_lookup_elem(&own, &first), *to;
	__u16 entropy;

	if ((const void *)(inner + 1) > (const void *)click_data_end(ctx) || !from)
		return REWRITER_ABORT;
	/* Behind the outer Ethernet header the length has to fit into 16 bits. */
	if (length > 0xffff - (sizeof(struct outer) - sizeof(struct ethernet)))
		return REWRITER_ABORT;
	to = find(inner);
	if (!to)
		return REWRITER_ABORT;
	entropy = inner->source[4] << 8 | inner->source[5];
	entropy ^= inner->destination[4] << 8 | inner->destination[5];
	if (bpf_packet_add_space(sizeof(struct outer), 0))
		return REWRITER_ABORT;

	struct outer *outer = (void *)click_data(ctx);

	if ((const void *)(outer + 1) > (const void *)click_data_end(ctx))
		return REWRITER_ABORT;

	struct ipv4 ip = {
		.version_length = 0x45,
		.length = bpf_htons(length + sizeof(*outer) - sizeof(outer->ethernet)),
		.flags_offset = bpf_htons(DO_NOT_FRAGMENT),
		.ttl = 64,
		.protocol = PROTOCOL_UDP,
		.source = from->ip,
		.destination = to->ip,
	};
	ip.checksum = ~bpf_csum_diff(0, 0, (const __be32 *)&ip, sizeof(ip), 0);
	__builtin_memcpy(outer->ethernet.destination, to->ethernet, 6);
	__builtin_memcpy(outer->ethernet.source, from->ethernet, 6);
	outer->ethernet.type = bpf_htons(ETHERTYPE_IPV4);
	outer->ip = ip;
	/* The dynamic ports, 49152 to 65535 (RFC 7348, 5). */
	outer->ports.source = bpf_htons(0xc000 | entropy);
	outer->ports.destination = bpf_htons(VXLAN_PORT);
	outer->udp_length = bpf_htons(length + sizeof(*outer) - sizeof(outer->ethernet) - sizeof(ip));
	outer->udp_checksum = 0;
	outer->flags = bpf_htonl(VXLAN_FLAGS);
	outer->network = bpf_htonl(to->network << 8);
	return REWRITER_SUCCESS;
}
