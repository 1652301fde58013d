/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: safe
 * cause: -
 *
 * Checksum of an IPv4 header with its options: as many halfwords as a field of it says.
 */
#include "loop.h"

SEC("filter") int ipv4_checksum_options(struct click_ctx *ctx)
{
	const __u8 *data = click_data(ctx), *end = click_data_end(ctx);
	__u32 length, sum = 0;

	if (data + 20 > end)
		return FILTER_ABORT;
	length = (data[0] & 0xf) * 4;
#ifndef UNCHECKED
	if (length < 20 || data + length > end)
		return FILTER_ABORT;
#endif
	KEEP for (__u32 at = 0; at < length; at += 2)
		sum += *(const __u16 *)(data + at);
	sum = (sum >> 16) + (sum & 0xffff);
	sum += sum >> 16;
	return (sum & 0xffff) == 0xffff ? FILTER_PASS : FILTER_DROP;
}
