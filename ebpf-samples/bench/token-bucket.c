/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bench.h"

#define FULL 1000000

struct bucket {
	__u64 last;
	__u64 tokens;
};

MAP(buckets, 0, BPF_MAP_TYPE_HASH, 4096, __u32, struct bucket);

SEC("filter") int program(struct click_ctx *ctx)
{
	PARSE_UDP(ctx);
	__u32 key = ip->source;
	struct bucket *bucket = bpf_map_lookup_elem(&buckets, &key);
	__u64 now = bpf_ktime_get_ns();

	if (!bucket) {
		struct bucket fresh = { now, FULL };
		bpf_map_update_elem(&buckets, &key, &fresh, BPF_ANY);
		return FILTER_PASS;
	}
	__u64 added = (now - bucket->last) >> 10;
	__u64 tokens = bucket->tokens + added;
	if (tokens > FULL)
		tokens = FULL;
	if (added)
		bucket->last = now;
	__u32 length = end - data;
	if (tokens < length) {
		bucket->tokens = tokens;
		return FILTER_DROP;
	}
	bucket->tokens = tokens - length;
	return FILTER_PASS;
}
