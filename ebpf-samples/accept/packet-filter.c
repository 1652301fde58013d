/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: accept
 * cause: -
 *
 * Passes or drops IPv4 and IPv6 by where packets come from: lists of prefixes, and a default for each.
 *
 * `ipv4` and `ipv6` hold both lists: a key is the length of a prefix in bits and an address in network
 * byte order, a value is 1 to pass, and everything else drops. The longest prefix decides, so the default is
 * the prefix of length zero, and a table that nobody has filled lets nothing through. The packet starts with
 * its Ethernet header, with up to two VLAN tags; what is neither IPv4 nor IPv6 passes, ARP among it.
 */
#include "net.h"

#define ETHERTYPE_SERVICE_VLAN 0x88a8 /* IEEE 802.1Q, S-TAG */

#define PASS 1

struct ipv4_prefix {
	__u32 length;
	__u32 address;
};

struct ipv6_prefix {
	__u32 length;
	__u32 address[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 4096);
	__type(key, struct ipv4_prefix);
	__type(value, __u32);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} ipv4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 4096);
	__type(key, struct ipv6_prefix);
	__type(value, __u32);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} ipv6 SEC(".maps");

static __always_inline int decide(const __u32 *found)
{
	return found && *found == PASS ? FILTER_PASS : FILTER_DROP;
}

static __always_inline int check_ipv4(const struct ipv4 *ip, const void *end)
{
	struct ipv4_prefix prefix = {.length = 32};

	if ((const void *)(ip + 1) > end)
		return FILTER_DROP;
	prefix.address = ip->source;
	return decide(bpf_map_lookup_elem(&ipv4, &prefix));
}

static __always_inline int check_ipv6(const struct ipv6 *ip, const void *end)
{
	struct ipv6_prefix prefix = {.length = 128};

	if ((const void *)(ip + 1) > end)
		return FILTER_DROP;
	__builtin_memcpy(prefix.address, ip->source, sizeof(prefix.address));
	return decide(bpf_map_lookup_elem(&ipv6, &prefix));
}

static __always_inline int is_tag(__u16 type)
{
	return type == bpf_htons(ETHERTYPE_VLAN) || type == bpf_htons(ETHERTYPE_SERVICE_VLAN);
}

SEC("filter") int packet_filter(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	const struct ethernet *ethernet = (const void *)click_data(ctx);
	const struct vlan *tag = (const void *)(ethernet + 1);
	__u16 type;

	if ((const void *)(ethernet + 1) > end)
		return FILTER_DROP;
	type = ethernet->type;
#pragma unroll
	for (int tags = 0; tags < 2; tags++) {
		if (!is_tag(type))
			break;
		if ((const void *)(tag + 1) > end)
			return FILTER_DROP;
		type = tag->type;
		tag++;
	}
	switch (type) {
	case bpf_htons(ETHERTYPE_IPV4):
		return check_ipv4((const void *)tag, end);
	case bpf_htons(ETHERTYPE_IPV6):
		return check_ipv6((const void *)tag, end);
	default:
		/* A third tag would hide what is behind it. */
		return is_tag(type) ? FILTER_DROP : FILTER_PASS;
	}
}
