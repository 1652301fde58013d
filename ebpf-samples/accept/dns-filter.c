/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: accept
 * cause: -
 *
 * Drops DNS queries for one name, in whatever case, and passes the rest.
 *
 * The packet starts with its Ethernet header. Looked at is the first question of what goes to UDP
 * port 53 over IPv4 without options, in one piece.
 */
#include "net.h"

#define DNS_PORT 53
#define DNS_HEADER 12 /* RFC 1035, 4.1.1 */
#define NAME "\7blocked\7example"
#define LETTERS "\0\1\1\1\1\1\1\1\0\1\1\1\1\1\1\1"

SEC("filter") int dns_filter(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	const struct ethernet *ethernet = (const void *)click_data(ctx);
	const struct ipv4 *ip = (const void *)(ethernet + 1);
	const struct ports *ports = (const void *)(ip + 1);
	const __u8 *question = (const void *)ports + 8 + DNS_HEADER;
	const char name[] = NAME, letters[] = LETTERS;
	__u8 difference = 0;

	/* The name, with the empty label at its end. */
	if ((const void *)(question + sizeof(name)) > end)
		return FILTER_PASS;
	if (ethernet->type != bpf_htons(ETHERTYPE_IPV4) || ip->version_length != 0x45)
		return FILTER_PASS;
	if (ip->protocol != PROTOCOL_UDP || ip->flags_offset & bpf_htons(IPV4_OFFSET_MASK))
		return FILTER_PASS;
	if (ports->destination != bpf_htons(DNS_PORT))
		return FILTER_PASS;
#pragma unroll
	for (unsigned int i = 0; i < sizeof(name); i++)
		/* A small letter differs from a capital one in this bit (RFC 4343). */
		difference |= (question[i] | (letters[i] ? 0x20 : 0)) ^ name[i];
	return difference ? FILTER_PASS : FILTER_DROP;
}
