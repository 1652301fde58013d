/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: accept
 * cause: -
 *
 * Lets ARP and the IPv4 flows in that a table names, by prefix of the source, protocol and port.
 *
 * `networks` gives a prefix of sources a number, the longest prefix counts; `rules` says what a network may
 * reach: a key is its number, a protocol and a port in network byte order (0 for ICMP), the value counts
 * packets. Everything else is dropped, so an empty table lets nothing but ARP in. The packet starts with
 * its Ethernet header. Later fragments have no ports and are dropped.
 */
#include "net.h"

#define ETHERTYPE_ARP 0x0806 /* RFC 826 */
#define PROTOCOL_ICMP 1 /* RFC 792 */

struct prefix {
	__u32 length;
	__u32 address;
};

struct rule {
	__u32 network;
	__u16 protocol;
	__u16 port;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__type(key, struct prefix);
	__type(value, __u32);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} networks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct rule);
	__type(value, __u64);
} rules SEC(".maps");

static __always_inline int check(__u32 source, __u16 protocol, __u16 port)
{
	struct prefix prefix = {.length = 32, .address = source};
	__u32 *network = bpf_map_lookup_elem(&networks, &prefix);
	__u64 *packets;

	if (!network)
		return FILTER_DROP;

	struct rule rule = {.network = *network, .protocol = protocol, .port = port};

	packets = bpf_map_lookup_elem(&rules, &rule);
	if (!packets)
		return FILTER_DROP;
	*packets += 1;
	return FILTER_PASS;
}

static __always_inline int check_ipv4(const void *at, const void *end)
{
	const struct ipv4 *ip = at;
	const struct ports *ports;
	__u64 length;

	if ((const void *)(ip + 1) > end)
		return FILTER_DROP;
	if (ip->flags_offset & bpf_htons(IPV4_OFFSET_MASK))
		return FILTER_DROP;
	if (ip->protocol == PROTOCOL_ICMP)
		return check(ip->source, PROTOCOL_ICMP, 0);
	if (ip->protocol != PROTOCOL_TCP && ip->protocol != PROTOCOL_UDP)
		return FILTER_DROP;
	length = (ip->version_length & 0xf) * 4;
	if (length < sizeof(*ip))
		return FILTER_DROP;
	ports = at + length;
	if ((const void *)(ports + 1) > end)
		return FILTER_DROP;
	return check(ip->source, ip->protocol, ports->destination);
}

SEC("filter") int firewall_table(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	const struct ethernet *ethernet = (const void *)click_data(ctx);

	if ((const void *)(ethernet + 1) > end)
		return FILTER_DROP;
	switch (ethernet->type) {
	case bpf_htons(ETHERTYPE_ARP):
		return FILTER_PASS;
	case bpf_htons(ETHERTYPE_IPV4):
		return check_ipv4(ethernet + 1, end);
	default:
		return FILTER_DROP;
	}
}
