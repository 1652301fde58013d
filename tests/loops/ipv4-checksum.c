/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Adds the ten halfwords of an IPv4 header and compares the checksum.
 */
#include "loop.h"

#ifndef HALFWORDS
#define HALFWORDS 10
#endif

SEC("filter") int ipv4_checksum(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	const __u16 *header = (const void *)(data + 14);
	__u32 sum = 0;

	if (data + 34 > end)
		return FILTER_ABORT;
	KEEP for (int i = 0; i < HALFWORDS; i++)
		sum += header[i];
	sum = (sum >> 16) + (sum & 0xffff);
	sum += sum >> 16;
	return (sum & 0xffff) == 0xffff ? FILTER_PASS : FILTER_DROP;
}
