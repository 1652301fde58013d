/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bench.h"

/* A checksum after `from` became `to` (RFC 1624, equation 3). */
static __always_inline __u16 update(__u16 checksum, __u32 from, __u32 to)
{
	__u32 sum = (__u16)~checksum;
	sum += (~from & 0xffff) + (~from >> 16) + (to & 0xffff) + (to >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

SEC("filter") int program(struct click_ctx *ctx)
{
	PARSE_UDP(ctx);
	__u32 from = ip->source, to = bpf_htonl(0xc0a80001);
	__u16 old_port = udp->source, port = bpf_htons(40000);
	ip->checksum = update(ip->checksum, from, to);
	if (udp->checksum) {
		__u16 checksum = update(udp->checksum, from, to);
		udp->checksum = update(checksum, old_port, port);
	}
	ip->source = to;
	udp->source = port;
	ip->ttl--;
	ip->checksum = update(ip->checksum, 1, 0);
	for (int i = 0; i < 6; i++) {
		__u8 byte = eth->destination[i];
		eth->destination[i] = eth->source[i];
		eth->source[i] = byte;
	}
	return FILTER_PASS;
}
