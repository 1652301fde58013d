/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: accept
 * cause: -
 *
 * Lets ARP, ICMP, and TCP and UDP to a few ports in, and drops everything else.
 *
 * The packet starts with its Ethernet header. Later fragments have no ports and are dropped.
 */
#include "net.h"

#define ETHERTYPE_ARP 0x0806 /* RFC 826 */
#define PROTOCOL_ICMP 1 /* RFC 792 */

static __always_inline int check_port(__u8 protocol, __u16 port)
{
	switch (port) {
	case bpf_htons(53): /* DNS */
	case bpf_htons(123): /* NTP */
		return protocol == PROTOCOL_UDP ? FILTER_PASS : FILTER_DROP;
	case bpf_htons(22): /* SSH */
	case bpf_htons(25): /* SMTP */
	case bpf_htons(80): /* HTTP */
		return protocol == PROTOCOL_TCP ? FILTER_PASS : FILTER_DROP;
	case bpf_htons(443): /* HTTP over TLS, and over QUIC */
		return FILTER_PASS;
	default:
		return FILTER_DROP;
	}
}

static __always_inline int check_ipv4(const void *at, const void *end)
{
	const struct ipv4 *ip = at;
	const struct ports *ports;
	__u64 length;

	if ((const void *)(ip + 1) > end)
		return FILTER_ABORT;
	if (ip->protocol == PROTOCOL_ICMP)
		return FILTER_PASS;
	if (ip->protocol != PROTOCOL_TCP && ip->protocol != PROTOCOL_UDP)
		return FILTER_DROP;
	if (ip->flags_offset & bpf_htons(IPV4_OFFSET_MASK))
		return FILTER_DROP;
	length = (ip->version_length & 0xf) * 4;
	if (length < sizeof(*ip))
		return FILTER_ABORT;
	ports = at + length;
	if ((const void *)(ports + 1) > end)
		return FILTER_ABORT;
	return check_port(ip->protocol, ports->destination);
}

SEC("filter") int firewall(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	const struct ethernet *ethernet = (const void *)click_data(ctx);

	if ((const void *)(ethernet + 1) > end)
		return FILTER_ABORT;
	switch (ethernet->type) {
	case bpf_htons(ETHERTYPE_ARP):
		return FILTER_PASS;
	case bpf_htons(ETHERTYPE_IPV4):
		return check_ipv4(ethernet + 1, end);
	default:
		return FILTER_DROP;
	}
}
