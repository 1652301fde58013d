/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: rewriter
 * verdict: accept
 * cause: -
 *
 * Decrements the time to live of IPv4 packets and corrects their checksum; drops what has none left.
 *
 * The packet starts with its Ethernet header.
 */
#include "net.h"

SEC("rewriter") int decrement_ttl(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	__u8 *data = click_data(ctx);

	if (data + sizeof(struct ethernet) + sizeof(struct ipv4) > (const __u8 *)end)
		return REWRITER_ABORT;

	const struct ethernet *ethernet = (const void *)data;

	if (ethernet->type != bpf_htons(ETHERTYPE_IPV4))
		return REWRITER_SUCCESS;

	/* The word of the header with time to live and protocol, and the checksum behind it. */
	__u8 *word = data + sizeof(struct ethernet) + 8;
	__u32 before, after;

	if (word[0] <= 1)
		return REWRITER_ABORT;
	__builtin_memcpy(&before, word, 4);
	before &= 0xffff;
	after = before - 1;

	__u16 sum = *(__u16 *)(word + 2);

	sum = ~bpf_csum_diff(&before, sizeof(before), &after, sizeof(after), (__u16)~sum);
	word[0] -= 1;
	*(__u16 *)(word + 2) = sum;
	return REWRITER_SUCCESS;
}
