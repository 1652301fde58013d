/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: rewriter
 * verdict: reject
 * cause: BPF-V012
 *
 * Makes room for a VLAN tag and goes on with the pointer it had before.
 */
#include "net.h"

SEC("rewriter") int stale_packet_pointer(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	struct ethernet *ethernet = (void *)click_data(ctx);

	if ((const void *)(ethernet + 1) > end)
		return REWRITER_ABORT;
	if (bpf_packet_add_space(sizeof(struct vlan), 0))
		return REWRITER_ABORT;
	/* The packet may lie elsewhere now: data and data_end have to be read again. */
	ethernet->type = bpf_htons(ETHERTYPE_VLAN);
	return REWRITER_SUCCESS;
}
