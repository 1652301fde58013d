/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: rewriter
 * verdict: accept
 * cause: -
 *
 * Takes Ethernet frames of known networks out of VXLAN (RFC 7348), and marks them with their network.
 *
 * `networks` holds the numbers (VNI) that are taken. What is VXLAN and of no known network, or has bits set
 * that must not be, is dropped; what is no VXLAN goes on as it is, with mark 0. The packet starts with its
 * Ethernet header.
 */
#include "net.h"

#define VXLAN_PORT 4789
#define VXLAN_FLAGS 0x08000000 /* the VNI is valid, nothing else */
#define OUTER (sizeof(struct ethernet) + sizeof(struct ipv4) + 8 + sizeof(struct vxlan))

struct vxlan {
	__u32 flags;
	__u32 network; /* 24 bits, and 8 reserved ones */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u64);
} networks SEC(".maps");

SEC("rewriter") int vxlan_decap(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	const struct ethernet *ethernet = (const void *)click_data(ctx);
	const struct ipv4 *ip = (const void *)(ethernet + 1);
	const struct ports *udp = (const void *)(ip + 1);
	const struct vxlan *vxlan = (const void *)udp + 8;

	if ((const void *)(udp + 1) > end || ethernet->type != bpf_htons(ETHERTYPE_IPV4))
		return REWRITER_SUCCESS;
	if (ip->version_length != 0x45 || ip->protocol != PROTOCOL_UDP)
		return REWRITER_SUCCESS;
	/* A VXLAN packet must not be fragmented (RFC 7348, 4.3); here neither first nor later ones are taken. */
	if (ip->flags_offset & bpf_htons(0x3fff) || udp->destination != bpf_htons(VXLAN_PORT))
		return REWRITER_SUCCESS;
	/* A frame has an Ethernet header at least. */
	if ((const void *)(vxlan + 1) + sizeof(struct ethernet) > end)
		return REWRITER_ABORT;
	if (vxlan->flags != bpf_htonl(VXLAN_FLAGS))
		return REWRITER_ABORT;

	__u32 network = bpf_ntohl(vxlan->network) >> 8;
	__u64 *packets = bpf_map_lookup_elem(&networks, &network);

	if (!packets)
		return REWRITER_ABORT;
	*packets += 1;
	ctx->mark = network;
	return bpf_packet_add_space(-(__s32)OUTER, 0) ? REWRITER_ABORT : REWRITER_SUCCESS;
}
