/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: classifier
 * verdict: accept
 * cause: -
 *
 * Makes a bad line of a good one: drops, delays, reorders and duplicates packets at random.
 *
 * `line` says how often, each in parts of 65,536: what is dropped leaves through no output, what is to be
 * duplicated through output 1, everything else through output 0. A packet is delayed by `delay_ns` and
 * up to `jitter_ns` more, which the context hands on to the element that delays; one that is reordered
 * is not delayed, so that it overtakes those before it. Its mark says what was done to it.
 */
#include "click_bpf.h"

#define PASSED 0
#define DUPLICATED 1

#define MARK_DELAYED 1
#define MARK_REORDERED 2

struct line {
	__u32 drop;
	__u32 duplicate;
	__u32 reorder;
	__u32 unused;
	__u64 delay_ns;
	__u64 jitter_ns; /* up to 2^32 - 1, a little more than four seconds */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct line);
} line SEC(".maps");

/* Whether something happens that does so in `part` of 65,536 cases. */
static __always_inline int happens(__u32 part)
{
	return (bpf_get_prandom_u32() & 0xffff) < part;
}

SEC("classifier") int jitter(struct click_ctx *ctx)
{
	__u32 first = 0;
	const struct line *how = bpf_map_lookup_elem(&line, &first);

	if (!how || happens(how->drop))
		return CLASSIFIER_DROP;
	if (happens(how->reorder)) {
		ctx->mark = MARK_REORDERED;
	} else {
		/* A fraction of 32 bits times the jitter: no division, no bias. */
		__u64 jitter = (__u32)how->jitter_ns;

		ctx->delay_ns = how->delay_ns + (jitter * bpf_get_prandom_u32() >> 32);
		ctx->mark = MARK_DELAYED;
	}
	return happens(how->duplicate) ? DUPLICATED : PASSED;
}
