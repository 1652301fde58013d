/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: rewriter
 * verdict: accept
 * cause: -
 *
 * Removes the Ethernet header, and the VLAN tag if there is one.
 *
 * What remains starts with the header of the network layer. A frame that ends within the headers
 * is dropped.
 */
#include "net.h"

SEC("rewriter") int strip_ether_vlan_header(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	const struct ethernet *ethernet = (const void *)click_data(ctx);
	__s32 length = sizeof(*ethernet);

	if ((const void *)(ethernet + 1) > end)
		return REWRITER_ABORT;
	if (ethernet->type == bpf_htons(ETHERTYPE_VLAN))
		length += sizeof(struct vlan);
	if (bpf_packet_add_space(-length, 0))
		return REWRITER_ABORT;
	return REWRITER_SUCCESS;
}
