/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: classifier
 * verdict: accept
 * cause: -
 *
 * Sends UDP over IPv4 to output 0, TCP to output 1, everything else to output 2.
 *
 * The packet starts with its Ethernet header.
 */
#include "net.h"

SEC("classifier") int udp_tcp_classifier(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	const struct ethernet *ethernet = (const void *)click_data(ctx);
	const struct ipv4 *ip = (const void *)(ethernet + 1);

	if ((const void *)(ip + 1) > end || ethernet->type != bpf_htons(ETHERTYPE_IPV4))
		return 2;
	switch (ip->protocol) {
	case PROTOCOL_UDP:
		return 0;
	case PROTOCOL_TCP:
		return 1;
	default:
		return 2;
	}
}
