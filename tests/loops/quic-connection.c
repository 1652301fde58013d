/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Copies the connection identifier of a long header of QUIC, 20 bytes at most, to the stack.
 */
#include "loop.h"

struct connection {
	__u8 bytes[20];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct connection);
	__type(value, __u32);
} connections SEC(".maps");

SEC("filter") int quic_connection(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	struct connection connection = {};
	__u32 length;

	if (data + 6 > end || !(data[0] & 0x80))
		return FILTER_PASS;
	length = data[5];
#ifndef UNCHECKED
	if (length > 20)
		return FILTER_ABORT;
#endif
	KEEP for (__u32 i = 0; i < length; i++) {
		if (data + 6 + i + 1 > end)
			return FILTER_ABORT;
		connection.bytes[i] = data[6 + i];
	}
	return bpf_map_lookup_elem(&connections, &connection) ? FILTER_PASS : FILTER_DROP;
}
