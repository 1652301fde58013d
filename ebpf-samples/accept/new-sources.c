/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: accept
 * cause: -
 *
 * Passes everything, and tells the control plane of every IPv4 source that it has not seen lately.
 *
 * The sources seen last are in an LRU hash; a new one gives a record in a ring buffer: address in
 * network byte order, time, first bytes of the packet. The packet starts with its Ethernet header.
 */
#include "net.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} news SEC(".maps");

struct record {
	__u64 time_ns;
	__u32 source;
	__u32 port;
};

SEC("filter") int new_sources(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	const struct ethernet *ethernet = (const void *)click_data(ctx);
	const struct ipv4 *ip = (const void *)(ethernet + 1);

	if ((const void *)(ip + 1) > end || ethernet->type != bpf_htons(ETHERTYPE_IPV4))
		return FILTER_PASS;

	__u32 source = ip->source;
	__u64 *last = bpf_map_lookup_elem(&seen, &source);

	if (last) {
		*last = bpf_ktime_get_boot_ns();
		return FILTER_PASS;
	}
	__u64 now = bpf_ktime_get_boot_ns();
	struct record record = {
		.time_ns = bpf_ktime_get_tai_ns(),
		.source = source,
		.port = ctx->port,
	};

	bpf_map_update_elem(&seen, &source, &now, BPF_ANY);
	bpf_ringbuf_output(&news, &record, sizeof(record), 0);
	return FILTER_PASS;
}
