/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: accept
 * cause: -
 *
 * Limits how fast each IPv4 source may open TCP connections; segments of open ones pass untouched.
 *
 * A token bucket per source as in rate-limiter, but only segments with SYN and without ACK take a
 * token: 20 a second, 40 at once. Sources are kept in an LRU hash, so a flood of invented addresses
 * pushes out sources rather than shutting new ones out; that is why the sum over all sources has a bucket
 * of its own, of 2,000 a second and 4,000 at once. The packet starts with its Ethernet header.
 */
#include "net.h"

#define SECOND_NS 1000000000ULL
#define SOURCE_TOKEN_NS (SECOND_NS / 20)
#define SOURCE_BUCKET 40
#define TOTAL_TOKEN_NS (SECOND_NS / 2000)
#define TOTAL_BUCKET 4000
#define FLAGS 13 /* of the TCP header (RFC 9293, 3.1) */
#define SYN 0x02
#define ACK 0x10

/* When the bucket of a source will be full again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, __u64);
} full_at SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} total_full_at SEC(".maps");

/* Takes a token, if there is one. */
static __always_inline int take(__u64 *full_at, __u64 now, __u64 token_ns, __u64 bucket)
{
	__u64 full = *full_at > now ? *full_at : now;

	if (full - now > (bucket - 1) * token_ns)
		return 0;
	*full_at = full + token_ns;
	return 1;
}

static __always_inline int check(__u32 source)
{
	__u64 now = bpf_ktime_get_ns();
	__u64 *bucket = bpf_map_lookup_elem(&full_at, &source), *total;
	__u32 first = 0;

	if (bucket && !take(bucket, now, SOURCE_TOKEN_NS, SOURCE_BUCKET))
		return FILTER_DROP;
	total = bpf_map_lookup_elem(&total_full_at, &first);
	if (!total || !take(total, now, TOTAL_TOKEN_NS, TOTAL_BUCKET))
		return FILTER_DROP;
	if (!bucket) {
		__u64 fresh = now + SOURCE_TOKEN_NS;

		bpf_map_update_elem(&full_at, &source, &fresh, BPF_ANY);
	}
	return FILTER_PASS;
}

SEC("filter") int syn_guard(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	const struct ethernet *ethernet = (const void *)click_data(ctx);
	const struct ipv4 *ip = (const void *)(ethernet + 1);
	const __u8 *tcp;
	__u64 header;

	if ((const void *)(ip + 1) > end || ethernet->type != bpf_htons(ETHERTYPE_IPV4))
		return FILTER_PASS;
	if (ip->protocol != PROTOCOL_TCP || ip->flags_offset & bpf_htons(IPV4_OFFSET_MASK))
		return FILTER_PASS;
	header = (ip->version_length & 0xf) * 4;
	if (header < sizeof(*ip))
		return FILTER_DROP;
	tcp = (const __u8 *)ip + header;
	/* A first fragment that ends before the flags hides them (RFC 1858). */
	if ((const void *)(tcp + FLAGS + 1) > end)
		return FILTER_DROP;
	if ((tcp[FLAGS] & (SYN | ACK)) != SYN)
		return FILTER_PASS;
	return check(ip->source);
}
