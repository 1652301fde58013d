/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: accept
 * cause: -
 *
 * Stands before each branch of a Tee, and lets through the IPv4 multicast groups that its port asked for.
 *
 * A program gives one packet at most; it is the Tee that copies. `groups` holds by group which ports (bits of
 * a number) have members; the number of the port is the packet's paint or mark, set by SetMark before. What is
 * not multicast passes nowhere, link-local groups (224.0.0.0/24) pass everywhere (RFC 4541, 2.1.2). The packet
 * starts with its Ethernet header.
 */
#include "net.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u32);
} groups SEC(".maps");

SEC("filter") int multicast(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	const struct ethernet *ethernet = (const void *)click_data(ctx);
	const struct ipv4 *ip = (const void *)(ethernet + 1);
	__u32 group, *members;

	if ((const void *)(ip + 1) > end || ethernet->type != bpf_htons(ETHERTYPE_IPV4))
		return FILTER_DROP;
	group = ip->destination;
	if ((group & bpf_htonl(0xf0000000)) != bpf_htonl(0xe0000000))
		return FILTER_DROP;
	if ((group & bpf_htonl(0xffffff00)) == bpf_htonl(0xe0000000))
		return FILTER_PASS;
	members = bpf_map_lookup_elem(&groups, &group);
	if (!members || ctx->mark > 31)
		return FILTER_DROP;
	return *members >> ctx->mark & 1 ? FILTER_PASS : FILTER_DROP;
}
