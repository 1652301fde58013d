/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Headers of packets as they are on the wire; numbers are in network byte order. */
#ifndef NET_H
#define NET_H

#include "click_bpf.h"

#define ETHERTYPE_IPV4 0x0800 /* RFC 894 */
#define ETHERTYPE_IPV6 0x86dd /* RFC 2464 */
#define ETHERTYPE_VLAN 0x8100 /* IEEE 802.1Q, C-TAG */

#define PROTOCOL_TCP 6 /* RFC 9293 */
#define PROTOCOL_UDP 17 /* RFC 768 */

struct ethernet {
	__u8 destination[6];
	__u8 source[6];
	__u16 type;
};

/* Follows the two addresses in place of the type. */
struct vlan {
	__u16 tag;
	__u16 type;
};

/* RFC 791, 3.1, without options. */
struct ipv4 {
	__u8 version_length; /* header length in 32-bit words in the lower half */
	__u8 service;
	__u16 length;
	__u16 identification;
	__u16 flags_offset; /* offset of the fragment in the lower 13 bits */
	__u8 ttl;
	__u8 protocol;
	__u16 checksum;
	__u32 source;
	__u32 destination;
};

#define IPV4_OFFSET_MASK 0x1fff

/* RFC 8200, 3, without extension headers. */
struct ipv6 {
	__u32 version_class_flow;
	__u16 length;
	__u8 next_header;
	__u8 hop_limit;
	__u8 source[16];
	__u8 destination[16];
};

/* The first four bytes of TCP and of UDP. */
struct ports {
	__u16 source;
	__u16 destination;
};

/*
 * Keeps clang from using what it knows of a number, so that a test of it stays in the program, where the
 * verifier sees it.
 */
#define FORGET(number) asm volatile("" : "+r"(number))

#endif /* NET_H */
