/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: accept
 * cause: -
 *
 * Passes everything, and tells the control plane how each TCP connection went: who, how long, how much.
 *
 * `connections` holds those that are open, those used longest ago make room for new ones. A record is
 * given when a connection is opened, when it is established, and when it ends: by a reset, or by the
 * second FIN. Both directions have to come through the program. A machine without processes has no
 * names of them: addresses and ports say who it was. The packet starts with its Ethernet header.
 */
#include "net.h"

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10

#define OPENED 1
#define ESTABLISHED 2
#define CLOSED 3
#define RESET 4

/* RFC 9293, 3.1, without options. */
struct tcp {
	struct ports ports;
	__u32 sequence;
	__u32 acknowledged;
	__u8 offset;
	__u8 flags;
	__u16 window;
	__u16 checksum;
	__u16 urgent;
};

/* The two ends, the one with the smaller address (and port) first: the same for both directions. */
struct ends {
	__u32 low;
	__u32 high;
	__u16 low_port;
	__u16 high_port;
};

struct connection {
	__u64 opened_ns;
	__u64 bytes[2]; /* of TCP payload: from the client, from the server */
	__u32 state;
	__u8 client_is_low;
	__u8 fin_seen[2];
	__u8 unused;
};

/* What the control plane gets. Addresses and ports are in network byte order. */
struct record {
	__u64 time_ns;
	__u64 duration_ns;
	__u64 client_bytes;
	__u64 server_bytes;
	__u32 client;
	__u32 server;
	__u16 client_port;
	__u16 server_port;
	__u32 state;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct ends);
	__type(value, struct connection);
} connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 262144);
} events SEC(".maps");

static __always_inline void tell(const struct ends *ends, const struct connection *connection, __u64 now)
{
	int low = connection->client_is_low;
	struct record record = {
		.time_ns = now,
		.duration_ns = now - connection->opened_ns,
		.client_bytes = connection->bytes[0],
		.server_bytes = connection->bytes[1],
		.client = low ? ends->low : ends->high,
		.server = low ? ends->high : ends->low,
		.client_port = low ? ends->low_port : ends->high_port,
		.server_port = low ? ends->high_port : ends->low_port,
		.state = connection->state,
	};

	bpf_ringbuf_output(&events, &record, sizeof(record), 0);
}

static __always_inline void open(const struct ends *ends, int from_low, __u64 now)
{
	struct connection fresh = {
		.opened_ns = now,
		.state = OPENED,
		.client_is_low = from_low,
	};

	if (!bpf_map_update_elem(&connections, ends, &fresh, BPF_ANY))
		tell(ends, &fresh, now);
}

static __always_inline void follow(const struct ends *ends, struct connection *connection, int from_low,
				   __u8 flags, __u32 payload)
{
	int from_client = from_low == connection->client_is_low;
	__u64 now = bpf_ktime_get_ns();

	if (from_client) {
		connection->bytes[0] += payload;
		connection->fin_seen[0] |= flags & FIN;
	} else {
		connection->bytes[1] += payload;
		connection->fin_seen[1] |= flags & FIN;
	}
	if (flags & RST)
		connection->state = RESET;
	else if (connection->fin_seen[0] && connection->fin_seen[1])
		connection->state = CLOSED;
	else if (connection->state == OPENED && from_client && (flags & (SYN | ACK)) == ACK)
		connection->state = ESTABLISHED;
	else
		return;
	tell(ends, connection, now);
	if (connection->state != ESTABLISHED)
		bpf_map_delete_elem(&connections, ends);
}

SEC("filter") int connection_tracer(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	const struct ethernet *ethernet = (const void *)click_data(ctx);
	const struct ipv4 *ip = (const void *)(ethernet + 1);
	const struct tcp *tcp;
	__u64 header;

	if ((const void *)(ip + 1) > end || ethernet->type != bpf_htons(ETHERTYPE_IPV4))
		return FILTER_PASS;
	if (ip->protocol != PROTOCOL_TCP || ip->flags_offset & bpf_htons(IPV4_OFFSET_MASK))
		return FILTER_PASS;
	header = (ip->version_length & 0xf) * 4;
	if (header < sizeof(*ip))
		return FILTER_PASS;
	tcp = (const void *)ip + header;
	if ((const void *)(tcp + 1) > end)
		return FILTER_PASS;

	__u16 source_port = tcp->ports.source, destination_port = tcp->ports.destination;
	/* Compared as they are on the wire: any order will do that is the same for both directions. */
	int from_low = ip->source != ip->destination ? ip->source < ip->destination
						     : source_port <= destination_port;
	struct ends ends = {
		.low = from_low ? ip->source : ip->destination,
		.high = from_low ? ip->destination : ip->source,
		.low_port = from_low ? source_port : destination_port,
		.high_port = from_low ? destination_port : source_port,
	};
	__u32 headers = header + (tcp->offset >> 4) * 4;
	__u32 length = bpf_ntohs(ip->length);
	struct connection *connection = bpf_map_lookup_elem(&connections, &ends);

	if (connection)
		follow(&ends, connection, from_low, tcp->flags, length > headers ? length - headers : 0);
	else if ((tcp->flags & (SYN | ACK)) == SYN)
		open(&ends, from_low, bpf_ktime_get_ns());
	return FILTER_PASS;
}
