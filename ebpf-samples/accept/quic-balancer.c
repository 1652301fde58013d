/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: classifier
 * verdict: accept
 * cause: -
 *
 * Leads QUIC packets to the server that made their connection ID, even if the client's address changes.
 *
 * Servers take connection IDs of eight bytes, the first of which is their own number (the unencrypted form
 * of QUIC-LB): outputs 0 to 3. An Initial or 0-RTT packet has an ID that the client made up; it goes to an
 * output by the hash of that ID, and so do retransmissions of it. What is not QUIC over IPv4 to port 443
 * leaves through output 4. The packet starts with its Ethernet header.
 */
#include "net.h"

#define QUIC_PORT 443
#define SERVERS 4
#define NOT_QUIC 4
#define LONG_HEADER 0x80 /* RFC 9000, 17.2 */
#define FIXED 0x40
#define KIND 0x30
#define HANDSHAKE 0x20
#define OWN_ID 8 /* bytes of an ID that a server made */

SEC("classifier") int quic_balancer(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	const struct ethernet *ethernet = (const void *)click_data(ctx);
	const struct ipv4 *ip = (const void *)(ethernet + 1);
	const struct ports *udp = (const void *)(ip + 1);
	const __u8 *quic = (const void *)udp + 8;
	__u32 hash;

	/* A QUIC packet has at least 21 bytes (RFC 9000, 10.3). */
	if ((const void *)(quic + 21) > end || ethernet->type != bpf_htons(ETHERTYPE_IPV4))
		return NOT_QUIC;
	if (ip->version_length != 0x45 || ip->protocol != PROTOCOL_UDP)
		return NOT_QUIC;
	if (ip->flags_offset & bpf_htons(0x3fff) || udp->destination != bpf_htons(QUIC_PORT))
		return NOT_QUIC;
	/* A short header: the ID follows at once, and a server made it. */
	if (!(quic[0] & LONG_HEADER))
		return quic[0] & FIXED ? quic[1] & (SERVERS - 1) : NOT_QUIC;
	/* A long one: version, length of the ID, ID. Servers' IDs come back from the handshake on. */
	if (quic[5] < OWN_ID || quic[5] > 20)
		return NOT_QUIC;
	if ((quic[0] & KIND) == HANDSHAKE)
		return quic[6] & (SERVERS - 1);
	/* FNV-1a of the eight bytes that every first ID has (RFC 9000, 7.2). */
	hash = 2166136261u;
#pragma unroll
	for (int i = 0; i < OWN_ID; i++)
		hash = (hash ^ quic[6 + i]) * 16777619u;
	return hash >> 30;
}
