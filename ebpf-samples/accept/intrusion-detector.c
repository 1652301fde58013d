/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: classifier
 * verdict: accept
 * cause: -
 *
 * Diverts what comes from suspects: who sent a packet with a signature is led to output 1 from then on.
 *
 * The signature is the text `/bin/sh` within the first 128 bytes behind the Ethernet header. A source that
 * sent it is a suspect for ten minutes after the last such packet, and its packets leave through output 1,
 * to be recorded or thrown away; all others through output 0. `suspects` can be read and filled by the
 * control plane. The packet starts with its Ethernet header.
 */
#include "net.h"

#define TEXT 0x2f62696e2f7368ULL /* /bin/sh */
#define TEXT_MASK 0xffffffffffffffULL
#define LONGEST 128
#define SUSPECT_NS (600 * 1000000000ULL)

#define CLEAN 0
#define DIVERTED 1

/* When a source is to be believed again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u64);
} suspects SEC(".maps");

static __always_inline int has_signature(const __u8 *data, const __u8 *end)
{
	__u64 last = 0;

#pragma clang loop unroll(disable)
	for (__u64 i = 0; i < LONGEST; i++) {
		if (data + i + 1 > end)
			break;
		last = (last << 8 | data[i]) & TEXT_MASK;
		if (last == TEXT)
			return 1;
	}
	return 0;
}

SEC("classifier") int intrusion_detector(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	const struct ethernet *ethernet = (const void *)click_data(ctx);
	const struct ipv4 *ip = (const void *)(ethernet + 1);
	__u32 source;
	__u64 now, *until;

	if ((const void *)(ip + 1) > end || ethernet->type != bpf_htons(ETHERTYPE_IPV4))
		return CLEAN;
	source = ip->source;
	now = bpf_ktime_get_ns();
	if (has_signature((const void *)ip, end)) {
		__u64 later = now + SUSPECT_NS;

		bpf_map_update_elem(&suspects, &source, &later, BPF_ANY);
		return DIVERTED;
	}
	until = bpf_map_lookup_elem(&suspects, &source);
	return until && *until > now ? DIVERTED : CLEAN;
}
