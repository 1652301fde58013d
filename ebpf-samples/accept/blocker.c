/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: accept
 * cause: -
 *
 * Drops packets to ports that a table names, each for one protocol, and counts what each rule drops.
 *
 * The control plane adds and removes rules while the program runs: a key is a protocol (6 TCP, 17 UDP)
 * and a port in network byte order, a value the number of packets dropped so far. The packet starts with
 * its Ethernet header. Later fragments have no ports; they pass, since the first one was dropped.
 */
#include "net.h"

struct rule {
	__u16 protocol;
	__u16 port;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct rule);
	__type(value, __u64);
} rules SEC(".maps");

static __always_inline int check(__u16 protocol, __u16 port)
{
	struct rule rule = {.protocol = protocol, .port = port};
	__u64 *dropped = bpf_map_lookup_elem(&rules, &rule);

	if (!dropped)
		return FILTER_PASS;
	__sync_fetch_and_add(dropped, 1);
	return FILTER_DROP;
}

static __always_inline int check_ipv4(const void *at, const void *end)
{
	const struct ipv4 *ip = at;
	const struct ports *ports;
	__u64 length;

	if ((const void *)(ip + 1) > end)
		return FILTER_DROP;
	if (ip->protocol != PROTOCOL_TCP && ip->protocol != PROTOCOL_UDP)
		return FILTER_PASS;
	if (ip->flags_offset & bpf_htons(IPV4_OFFSET_MASK))
		return FILTER_PASS;
	length = (ip->version_length & 0xf) * 4;
	if (length < sizeof(*ip))
		return FILTER_DROP;
	ports = at + length;
	/* Who cuts a packet before its port must not get through with it. */
	if ((const void *)(ports + 1) > end)
		return FILTER_DROP;
	return check(ip->protocol, ports->destination);
}

static __always_inline int check_ipv6(const void *at, const void *end)
{
	const struct ipv6 *ip = at;
	const struct ports *ports = (const void *)(ip + 1);

	if ((const void *)(ip + 1) > end)
		return FILTER_DROP;
	if (ip->next_header != PROTOCOL_TCP && ip->next_header != PROTOCOL_UDP)
		return FILTER_PASS;
	if ((const void *)(ports + 1) > end)
		return FILTER_DROP;
	return check(ip->next_header, ports->destination);
}

SEC("filter") int blocker(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	const struct ethernet *ethernet = (const void *)click_data(ctx);

	if ((const void *)(ethernet + 1) > end)
		return FILTER_DROP;
	switch (ethernet->type) {
	case bpf_htons(ETHERTYPE_IPV4):
		return check_ipv4(ethernet + 1, end);
	case bpf_htons(ETHERTYPE_IPV6):
		return check_ipv6(ethernet + 1, end);
	default:
		return FILTER_PASS;
	}
}
