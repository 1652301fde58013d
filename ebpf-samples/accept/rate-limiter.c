/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: accept
 * cause: -
 *
 * Passes one packet a second from each IPv4 source, three at once after a pause.
 *
 * A token bucket per source: a token every second, at most three. Its whole state is the time at
 * which it will be full again, so one number is read and written (this form of the bucket is
 * called GCRA). The packet starts with its Ethernet header; what is not IPv4 passes. Once 1,024
 * sources are known, further ones are dropped: passing them would let anyone who can invent
 * addresses switch the limit off.
 */
#include "net.h"

#define TOKEN_NS 1000000000ULL
#define BUCKET 3

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} full_at SEC(".maps");

static __always_inline int take_token(__u32 source)
{
	__u64 now = bpf_ktime_get_ns();
	__u64 *bucket = bpf_map_lookup_elem(&full_at, &source);

	if (!bucket) {
		__u64 fresh = now + TOKEN_NS;

		if (bpf_map_update_elem(&full_at, &source, &fresh, BPF_ANY))
			return FILTER_DROP;
		return FILTER_PASS;
	}
	__u64 full = *bucket > now ? *bucket : now;
	if (full - now > (BUCKET - 1) * TOKEN_NS)
		return FILTER_DROP;
	*bucket = full + TOKEN_NS;
	return FILTER_PASS;
}

SEC("filter") int rate_limiter(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	const struct ethernet *ethernet = (const void *)click_data(ctx);
	const struct ipv4 *ip = (const void *)(ethernet + 1);

	if ((const void *)(ethernet + 1) > end)
		return FILTER_ABORT;
	if (ethernet->type != bpf_htons(ETHERTYPE_IPV4))
		return FILTER_PASS;
	if ((const void *)(ip + 1) > end)
		return FILTER_ABORT;
	return take_token(ip->source);
}
