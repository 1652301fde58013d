/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: classifier
 * verdict: accept
 * cause: -
 *
 * Lets a network share one IPv4 address: source NAT for TCP and UDP, and the way back.
 *
 * Input 0 takes packets from inside, which leave through output 0 with the shared address and a port of
 * ours; input 1 takes packets from outside, which leave through output 1 if they answer one. Everything
 * else leaves through output 2, to be dropped: fragments and IPv4 options too. The packet starts with its
 * IPv4 header. Both checksums are corrected. Ports are given away in turn; once all connections are
 * taken, there are no new ones.
 */
#include "net.h"

#define SHARED bpf_htonl(0x0a000001) /* 10.0.0.1 */
#define FIRST_PORT 50000
#define PORTS 8192
#define FRAGMENT 0x3fff /* more fragments, and the offset */

#define INSIDE 0
#define OUTSIDE 1
#define DROPPED 2

/* Who talks to whom, seen from one side: of two machines, one port each. */
struct pair {
	__u32 near;
	__u32 far;
	__u16 near_port;
	__u16 far_port;
	__u16 protocol;
	__u16 side;
};

/* The address and the port that take the place of the near ones: 32 bits each, in network byte order. */
typedef __u64 place;

#define PLACE(address, port) ((place)(address) << 32 | (port))
#define ADDRESS(place) ((__u32)((place) >> 32))
#define PORT(place) ((__u16)(place))

/* Both ways of each connection. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * PORTS);
	__type(key, struct pair);
	__type(value, place);
} connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} next_port SEC(".maps");

/* Corrects a checksum for an address and a port that change (RFC 1624). */
static __always_inline void correct(__u16 *sum, const __u32 *before, const __u32 *after, __u32 size)
{
	*sum = ~bpf_csum_diff(before, size, after, size, (__u16)~*sum);
}

/* Gives a connection from inside a port of ours, and enters both of its ways; 0 if there is none. */
static __always_inline place connect(const struct pair *pair)
{
	place inside = PLACE(pair->near, pair->near_port), shared;
	__u32 first = 0, *next = bpf_map_lookup_elem(&next_port, &first);
	struct pair back = *pair;

	if (!next)
		return 0;
	shared = PLACE(SHARED, bpf_htons(FIRST_PORT + *next % PORTS));
	*next += 1;
	back.near = SHARED;
	back.near_port = PORT(shared);
	back.side = OUTSIDE;
	/* A port that another connection to there still has is not given away again. */
	if (bpf_map_update_elem(&connections, &back, &inside, BPF_NOEXIST))
		return 0;
	if (bpf_map_update_elem(&connections, pair, &shared, BPF_ANY)) {
		bpf_map_delete_elem(&connections, &back);
		return 0;
	}
	return shared;
}

SEC("classifier") int nat(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	struct ipv4 *ip = (void *)click_data(ctx);
	struct ports *ports = (void *)(ip + 1);
	__u64 sum_at;

	if ((const void *)(ports + 1) > end || ip->version_length != 0x45)
		return DROPPED;
	if (ip->flags_offset & bpf_htons(FRAGMENT))
		return DROPPED;
	if (ip->protocol == PROTOCOL_TCP)
		sum_at = 16; /* RFC 9293, 3.1 */
	else if (ip->protocol == PROTOCOL_UDP)
		sum_at = 6; /* RFC 768 */
	else
		return DROPPED;

	__u16 *sum = (void *)ports + sum_at;

	if ((const void *)(sum + 1) > end)
		return DROPPED;

	int from_inside = ctx->port == INSIDE;
	struct pair pair;
	place place, *known;

	pair.near = from_inside ? ip->source : ip->destination;
	pair.far = from_inside ? ip->destination : ip->source;
	pair.near_port = from_inside ? ports->source : ports->destination;
	pair.far_port = from_inside ? ports->destination : ports->source;
	pair.protocol = ip->protocol;
	pair.side = from_inside ? INSIDE : OUTSIDE;
	known = bpf_map_lookup_elem(&connections, &pair);
	if (known)
		place = *known;
	else if (from_inside)
		place = connect(&pair);
	else
		return DROPPED;
	if (!place)
		return DROPPED;

	__u32 before[2] = { pair.near, pair.near_port };
	__u32 after[2] = { ADDRESS(place), PORT(place) };

	correct(&ip->checksum, before, after, 4);
	/* Zero says that there is no checksum (RFC 768). */
	if (ip->protocol == PROTOCOL_TCP || *sum)
		correct(sum, before, after, 8);
	if (from_inside) {
		ip->source = ADDRESS(place);
		ports->source = PORT(place);
		return INSIDE;
	}
	ip->destination = ADDRESS(place);
	ports->destination = PORT(place);
	return OUTSIDE;
}
