/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: rewriter
 * verdict: accept
 * cause: -
 *
 * Tells senders of congestion before a queue is full: marks IPv4 packets (ECN, RFC 3168), or drops them.
 *
 * A virtual queue, drained at 10 Mbyte/s, stands for the line. Below 5 ms of it nothing happens; from there
 * to 20 ms a growing part of the packets is marked, or dropped if their sender does not understand marks;
 * above everything is. The packet starts with its Ethernet header; what is not IPv4 only fills the queue.
 */
#include "net.h"

#define NS_PER_BYTE 100
#define LOW_NS 5000000ULL
#define HIGH_NS 20000000ULL
#define ECN 3
#define CONGESTED 3

/* When the virtual queue will be empty. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} empty_at SEC(".maps");

/* Whether the sender of a packet is to be told: never below LOW, always above HIGH. */
static __always_inline int tell(__u64 backlog)
{
	if (backlog < LOW_NS)
		return 0;
	if (backlog >= HIGH_NS)
		return 1;
	return bpf_get_prandom_u32() % (HIGH_NS - LOW_NS) < backlog - LOW_NS;
}

SEC("rewriter") int congestion_marker(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	const struct ethernet *ethernet = (const void *)click_data(ctx);
	struct ipv4 *ip = (void *)(ethernet + 1);
	__u64 now = bpf_ktime_get_ns(), empty, *queue;
	__u32 first = 0, before, after;

	queue = bpf_map_lookup_elem(&empty_at, &first);
	if (!queue)
		return REWRITER_ABORT;
	empty = *queue > now ? *queue : now;
	if (!tell(empty - now)) {
		*queue = empty + (ctx->data_end - ctx->data) * NS_PER_BYTE;
		return REWRITER_SUCCESS;
	}
	if ((const void *)(ip + 1) > end || ethernet->type != bpf_htons(ETHERTYPE_IPV4))
		return REWRITER_ABORT;
	if (!(ip->service & ECN))
		return REWRITER_ABORT;
	*queue = empty + (ctx->data_end - ctx->data) * NS_PER_BYTE;

	/* The first word of the header, as it was and as it will be (RFC 1624). */
	__builtin_memcpy(&before, ip, sizeof(before));
	ip->service |= CONGESTED;
	__builtin_memcpy(&after, ip, sizeof(after));
	ip->checksum = ~bpf_csum_diff(&before, sizeof(before), &after, sizeof(after), (__u16)~ip->checksum);
	return REWRITER_SUCCESS;
}
