/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: accept
 * cause: -
 *
 * Drops TCP and UDP to port 12345 in Ethernet frames, passes the rest.
 *
 * The packet starts with its Ethernet header. IPv4 options are skipped; later fragments carry no
 * ports and pass; IPv6 is looked into where TCP or UDP follows its header at once. Frames with a
 * VLAN tag pass: strip it first. A packet that ends within a header is dropped.
 */
#include "net.h"

#define TARGET_PORT 12345

static __always_inline int check_ports(const void *at, const void *end)
{
	const struct ports *ports = at;

	if ((const void *)(ports + 1) > end)
		return FILTER_ABORT;
	return ports->destination == bpf_htons(TARGET_PORT) ? FILTER_DROP : FILTER_PASS;
}

static __always_inline int has_ports(__u8 protocol)
{
	return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP;
}

static __always_inline int check_ipv4(const void *at, const void *end)
{
	const struct ipv4 *ip = at;
	__u64 length;

	if ((const void *)(ip + 1) > end)
		return FILTER_ABORT;
	length = (ip->version_length & 0xf) * 4;
	if (length < sizeof(*ip))
		return FILTER_ABORT;
	if (!has_ports(ip->protocol) || ip->flags_offset & bpf_htons(IPV4_OFFSET_MASK))
		return FILTER_PASS;
	return check_ports(at + length, end);
}

static __always_inline int check_ipv6(const void *at, const void *end)
{
	const struct ipv6 *ip = at;

	if ((const void *)(ip + 1) > end)
		return FILTER_ABORT;
	if (!has_ports(ip->next_header))
		return FILTER_PASS;
	return check_ports(ip + 1, end);
}

SEC("filter") int target_port(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	const struct ethernet *ethernet = (const void *)click_data(ctx);

	if ((const void *)(ethernet + 1) > end)
		return FILTER_ABORT;
	switch (ethernet->type) {
	case bpf_htons(ETHERTYPE_IPV4):
		return check_ipv4(ethernet + 1, end);
	case bpf_htons(ETHERTYPE_IPV6):
		return check_ipv6(ethernet + 1, end);
	default:
		return FILTER_PASS;
	}
}
