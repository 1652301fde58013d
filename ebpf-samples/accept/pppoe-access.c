/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: rewriter
 * verdict: accept
 * cause: -
 *
 * Ends PPPoE sessions of subscribers (RFC 2516): takes their headers off IPv4 and IPv6, checks and counts.
 *
 * The data path of an access server: `sessions` holds, by number, the Ethernet address that a session belongs
 * to, whether it may send, and what it has sent. Discovery, LCP and everything that is not IP goes on as
 * it is with mark 1, to whatever negotiates sessions; IP packets go on as Ethernet frames with mark 0. The
 * packet starts with its Ethernet header.
 */
#include "net.h"

#define ETHERTYPE_PPPOE_SESSION 0x8864
#define PPP_IPV4 0x0021 /* RFC 1332 */
#define PPP_IPV6 0x0057 /* RFC 5072 */
#define CONTROL 1
#define LONGEST 9000 /* bytes behind a PPPoE header; jumbo frames (RFC 4638) are shorter */

struct pppoe {
	__u16 version_code; /* version 1, type 1, code 0 */
	__u16 session;
	__u16 length; /* of what follows, the protocol included */
	__u16 protocol;
};

struct session {
	__u8 subscriber[6];
	__u8 open;
	__u8 unused;
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct session);
} sessions SEC(".maps");

static __always_inline int same(const __u8 *a, const __u8 *b)
{
	__u8 difference = 0;

#pragma unroll
	for (int i = 0; i < 6; i++)
		difference |= a[i] ^ b[i];
	return !difference;
}

SEC("rewriter") int pppoe_access(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	struct ethernet *ethernet = (void *)click_data(ctx);
	const struct pppoe *pppoe = (const void *)(ethernet + 1);

	if ((const void *)(ethernet + 1) > end)
		return REWRITER_ABORT;
	ctx->mark = CONTROL;
	if (ethernet->type != bpf_htons(ETHERTYPE_PPPOE_SESSION))
		return REWRITER_SUCCESS;
	if ((const void *)(pppoe + 1) > end || pppoe->version_code != bpf_htons(0x1100))
		return REWRITER_ABORT;

	__u16 type;

	if (pppoe->protocol == bpf_htons(PPP_IPV4))
		type = bpf_htons(ETHERTYPE_IPV4);
	else if (pppoe->protocol == bpf_htons(PPP_IPV6))
		type = bpf_htons(ETHERTYPE_IPV6);
	else
		return REWRITER_SUCCESS;

	__u32 number = bpf_ntohs(pppoe->session);
	struct session *session = bpf_map_lookup_elem(&sessions, &number);

	if (!session || !session->open || !same(session->subscriber, ethernet->source))
		return REWRITER_ABORT;

	__u64 length = bpf_ntohs(pppoe->length);

	if (length > LONGEST)
		return REWRITER_ABORT;
	/* For the verifier: packet pointers stay within 64 KiB. */
	FORGET(length);
	length &= 0x3fff;

	/* What it says of its length has to be there; short frames are padded behind it. */
	if (length < 2 || (const void *)(&pppoe->protocol) + length > end)
		return REWRITER_ABORT;
	session->packets += 1;
	session->bytes += length - 2;
	ctx->mark = 0;

	struct ethernet frame = *ethernet;

	frame.type = type;
	if (bpf_packet_add_space(-(__s32)sizeof(struct pppoe), 0))
		return REWRITER_ABORT;
	ethernet = (void *)click_data(ctx);
	if ((const void *)(ethernet + 1) > (const void *)click_data_end(ctx))
		return REWRITER_ABORT;
	*ethernet = frame;
	return REWRITER_SUCCESS;
}
