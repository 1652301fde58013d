/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Copies a name of up to 32 bytes to the stack, in lower case, as the key of a lookup.
 */
#include "loop.h"

#ifndef LENGTH
#define LENGTH 32
#endif

struct name {
	__u8 bytes[32];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct name);
	__type(value, __u32);
} blocked SEC(".maps");

SEC("filter") int dns_copy(struct click_ctx *ctx)
{
	const __u8 *at = click_data(ctx) + 12, *end = click_data_end(ctx);
	struct name name = {};

	KEEP for (__u32 i = 0; i < LENGTH; i++) {
		__u8 byte;

		if (at + 1 > end || *at == 0)
			break;
		byte = *at++;
		if (byte >= 'A' && byte <= 'Z')
			byte |= 0x20;
		name.bytes[i] = byte;
	}
	return bpf_map_lookup_elem(&blocked, &name) ? FILTER_DROP : FILTER_PASS;
}
