/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: classifier
 * verdict: accept
 * cause: -
 *
 * Finds what IPv6 packets carry behind their extension headers: TCP to output 0, UDP to 1, the rest to 2.
 *
 * Output 3 gets what must not be believed: more than eight extension headers, a header that ends behind the
 * packet, a hop-by-hop header that is not the first (RFC 8200, 4.1), and type 0 routing (RFC 5095). Later
 * fragments have no header of what they carry and are the rest. The packet starts with its Ethernet header.
 */
#include "net.h"

#define HOP_BY_HOP 0
#define ROUTING 43
#define FRAGMENT 44
#define AUTHENTICATION 51
#define DESTINATION 60
#define MOBILITY 135
#define MOST 8

#define TO_TCP 0
#define TO_UDP 1
#define TO_REST 2
#define TO_ODD 3

SEC("classifier") int ipv6_walk(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	const struct ethernet *ethernet = (const void *)data;
	const struct ipv6 *ip = (const void *)(ethernet + 1);
	const __u8 *header = (const __u8 *)(ip + 1);
	__u32 kind;

	if ((const __u8 *)(ip + 1) > end || ethernet->type != bpf_htons(ETHERTYPE_IPV6))
		return TO_REST;
	kind = ip->next_header;
	for (__u64 headers = 0; headers < MOST; headers++) {
		__u64 length;

		if (kind == PROTOCOL_TCP)
			return TO_TCP;
		if (kind == PROTOCOL_UDP)
			return TO_UDP;
		if (kind != HOP_BY_HOP && kind != ROUTING && kind != FRAGMENT && kind != AUTHENTICATION &&
		    kind != DESTINATION && kind != MOBILITY)
			return TO_REST;
		if (kind == HOP_BY_HOP && headers > 0)
			return TO_ODD;
		/* The shortest of them has eight bytes. */
		if (header + 8 > end)
			return TO_ODD;
		if (kind == ROUTING && header[2] == 0)
			return TO_ODD;
		if (kind == FRAGMENT) {
			if (header[2] || header[3] & 0xf8)
				return TO_REST;
			length = 8;
		} else if (kind == AUTHENTICATION) {
			length = ((__u64)header[1] + 2) * 4; /* RFC 4302, 2.2 */
		} else {
			length = ((__u64)header[1] + 1) * 8; /* RFC 8200, 4.2 */
		}
		kind = header[0];
		FORGET(length);
		header += length & 0xfff;
	}
	return TO_ODD;
}
