/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: rewriter
 * verdict: accept
 * cause: -
 *
 * Translates between IPv6 and IPv4 without state (RFC 7915): UDP and TCP under the prefix 64:ff9b::/96.
 *
 * An IPv4 address and the IPv6 address that has it in its last 32 bits are the same (RFC 6052). Packets of one
 * version leave as those of the other. The pseudo-headers differ by the two prefixes alone, so the transport
 * checksum is corrected and not made anew. Dropped: fragments, options and extension headers, other prefixes,
 * other protocols, UDP without a checksum. What is not IP goes on as it is. The packet starts with its
 * Ethernet header.
 */
#include "net.h"

#define PREFIX bpf_htonl(0x0064ff9b)
#define DIFFERENCE (sizeof(struct ipv6) - sizeof(struct ipv4))

struct addresses {
	__u32 source[4];
	__u32 destination[4];
};

/* Where the transport checksum of a protocol is; 0 for those that are not translated. */
static __always_inline __u64 checksum_at(__u8 protocol)
{
	if (protocol == PROTOCOL_TCP)
		return 16; /* RFC 9293, 3.1 */
	return protocol == PROTOCOL_UDP ? 6 : 0; /* RFC 768 */
}

/* Zero would say that there is no checksum (RFC 768); its other form means the same for TCP, too. */
static __always_inline void correct(__u16 *sum, __u16 folded)
{
	*sum = folded == 0xffff ? 0xffff : ~folded;
}

static __always_inline int to_ipv4(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	struct ethernet *ethernet = (void *)click_data(ctx), frame;
	struct ipv6 *ip = (void *)(ethernet + 1);
	struct addresses addresses;
	__u64 sum_at;

	if ((const void *)(ip + 1) > end || (ip->version_class_flow & 0xf0) != 0x60)
		return REWRITER_ABORT;
	sum_at = checksum_at(ip->next_header);
	if (!sum_at || ip->hop_limit <= 1)
		return REWRITER_ABORT;
	__builtin_memcpy(&addresses, ip->source, sizeof(addresses));
	if (addresses.source[0] != PREFIX || addresses.source[1] || addresses.source[2])
		return REWRITER_ABORT;
	if (addresses.destination[0] != PREFIX || addresses.destination[1] || addresses.destination[2])
		return REWRITER_ABORT;

	__u32 length = bpf_ntohs(ip->length) + sizeof(struct ipv4);
	__u16 *sum = (void *)(ip + 1) + sum_at;

	if (length > 0xffff || (const void *)(sum + 1) > end)
		return REWRITER_ABORT;

	__u32 prefixes[2] = {PREFIX, PREFIX};
	struct ipv4 header = {
		.version_length = 0x45,
		.length = bpf_htons(length),
		.flags_offset = bpf_htons(0x4000), /* do not fragment: there is no identification */
		.ttl = ip->hop_limit - 1,
		.protocol = ip->next_header,
		.source = addresses.source[3],
		.destination = addresses.destination[3],
	};
	header.checksum = ~bpf_csum_diff(0, 0, (const __be32 *)&header, sizeof(header), 0);
	if (ip->next_header == PROTOCOL_UDP && !*sum)
		return REWRITER_ABORT;
	correct(sum, bpf_csum_diff(prefixes, sizeof(prefixes), 0, 0, (__u16)~*sum));
	frame = *ethernet;
	frame.type = bpf_htons(ETHERTYPE_IPV4);
	if (bpf_packet_add_space(-(__s32)DIFFERENCE, 0))
		return REWRITER_ABORT;
	ethernet = (void *)click_data(ctx);

	struct ipv4 *out = (void *)(ethernet + 1);

	if ((const void *)(out + 1) > (const void *)click_data_end(ctx))
		return REWRITER_ABORT;
	*ethernet = frame;
	*out = header;
	return REWRITER_SUCCESS;
}

static __always_inline int to_ipv6(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	struct ethernet *ethernet = (void *)click_data(ctx), frame;
	struct ipv4 *ip = (void *)(ethernet + 1);
	__u64 sum_at;

	if ((const void *)(ip + 1) > end || ip->version_length != 0x45)
		return REWRITER_ABORT;
	sum_at = checksum_at(ip->protocol);
	if (!sum_at || ip->ttl <= 1 || ip->flags_offset & bpf_htons(0x3fff))
		return REWRITER_ABORT;

	__u32 length = bpf_ntohs(ip->length) - sizeof(*ip);
	__u16 *sum = (void *)(ip + 1) + sum_at;

	/* A length below that of the header wraps, and is far above. */
	if (length > 0xffff || (const void *)(sum + 1) > end)
		return REWRITER_ABORT;
	if (ip->protocol == PROTOCOL_UDP && !*sum)
		return REWRITER_ABORT;

	__u32 prefixes[2] = {PREFIX, PREFIX};
	struct addresses addresses = {
		.source = {PREFIX, 0, 0, ip->source},
		.destination = {PREFIX, 0, 0, ip->destination},
	};
	struct ipv6 header = {
		.version_class_flow = bpf_htonl(0x60000000 | (__u32)ip->service << 20),
		.length = bpf_htons(length),
		.next_header = ip->protocol,
		.hop_limit = ip->ttl - 1,
	};
	__builtin_memcpy(header.source, &addresses, sizeof(addresses));
	correct(sum, bpf_csum_diff(0, 0, prefixes, sizeof(prefixes), (__u16)~*sum));
	frame = *ethernet;
	frame.type = bpf_htons(ETHERTYPE_IPV6);
	if (bpf_packet_add_space(DIFFERENCE, 0))
		return REWRITER_ABORT;
	ethernet = (void *)click_data(ctx);

	struct ipv6 *out = (void *)(ethernet + 1);

	if ((const void *)(out + 1) > (const void *)click_data_end(ctx))
		return REWRITER_ABORT;
	*ethernet = frame;
	*out = header;
	return REWRITER_SUCCESS;
}

SEC("rewriter") int ip_translator(struct click_ctx *ctx)
{
	const struct ethernet *ethernet = (const void *)click_data(ctx);

	if ((const void *)(ethernet + 1) > (const void *)click_data_end(ctx))
		return REWRITER_ABORT;
	switch (ethernet->type) {
	case bpf_htons(ETHERTYPE_IPV4):
		return to_ipv6(ctx);
	case bpf_htons(ETHERTYPE_IPV6):
		return to_ipv4(ctx);
	default:
		return REWRITER_SUCCESS;
	}
}
