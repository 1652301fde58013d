/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: rewriter
 * verdict: accept
 * cause: -
 *
 * Spreads the flows to one IPv4 address over machines that answer the clients themselves.
 *
 * A flow (addresses, ports, protocol) goes to the machine that its hash finds in `table`, which the
 * control plane fills by Maglev's consistent hashing: 1,021 entries (a prime) with the number of a
 * backend. A flow once seen stays where it is as long as its backend is healthy (`flows`), whatever becomes
 * of the table; a backend that is not healthy gets nothing. The backend gets the frame under its own
 * Ethernet address, or, if it is in another network, within IPv4 (IPIP, RFC 2003).
 *
 * The packet starts with its Ethernet header. What is not TCP or UDP to the address goes on as it is;
 * fragments and IPv4 options to it are dropped, since they have no ports where they are looked for.
 */
#include "net.h"

#define TABLE 1021 /* entries; a prime, as Maglev wants it */
#define BACKENDS 64
#define PROTOCOL_IPIP 4 /* RFC 2003 */
#define FRAGMENT 0x3fff /* more fragments, and the offset */

struct flow {
	__u32 client;
	__u32 service;
	__u16 client_port;
	__u16 service_port;
	__u32 protocol;
};

struct backend {
	__u8 ethernet[6];
	__u8 healthy; /* 0: gets nothing */
	__u8 tunnel; /* 0: in this network; otherwise packets go to `address` within IPv4 */
	__u32 address;
	__u32 unused;
	__u64 packets;
};

/* Entry 0: the address that is balanced, and the one that tunnels start from. */
struct service {
	__u32 address;
	__u32 tunnel_from;
	__u8 ethernet[6]; /* the source of frames that leave */
	__u16 unused;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct service);
} service SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TABLE);
	__type(key, __u32);
	__type(value, __u32);
} table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BACKENDS);
	__type(key, __u32);
	__type(value, struct backend);
} backends SEC(".maps");

/* Backends of flows: the ones used longest ago make room for new ones. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow);
	__type(value, __u32);
} flows SEC(".maps");

/* Mixes a flow into a number (the finalizer of MurmurHash3, once per word). */
static __always_inline __u64 mix(__u64 hash, __u64 word)
{
	hash ^= word;
	hash ^= hash >> 33;
	hash *= 0xff51afd7ed558ccdULL;
	hash ^= hash >> 33;
	hash *= 0xc4ceb9fe1a85ec53ULL;
	return hash ^ hash >> 33;
}

/* Keys of lookups. Each has a place of its own: the verifier loses what it knows when one is used again. */
struct keys {
	__u32 known;
	__u32 entry;
	__u32 chosen;
};

static __always_inline struct backend *healthy(const __u32 *number)
{
	struct backend *backend = bpf_map_lookup_elem(&backends, number);

	return backend && backend->healthy ? backend : 0;
}

/* The backend of a flow: the one that it had, or the one that the table gives. */
static __always_inline struct backend *choose(const struct flow *flow)
{
	__u32 *known = bpf_map_lookup_elem(&flows, flow), *number;
	struct backend *backend;
	struct keys keys;
	__u64 hash;

	if (known) {
		keys.known = *known & (BACKENDS - 1);
		backend = healthy(&keys.known);
		if (backend)
			return backend;
	}
	hash = mix(mix(flow->protocol, (__u64)flow->client << 32 | flow->service),
		   (__u64)flow->client_port << 16 | flow->service_port);
	/* A fraction of 32 bits times the size, which needs no division, and whose bounds are plain. */
	keys.entry = (hash >> 32) * TABLE >> 32;
	number = bpf_map_lookup_elem(&table, &keys.entry);
	if (!number)
		return 0;
	/* What the control plane wrote into a map can be any number. */
	keys.chosen = *number & (BACKENDS - 1);
	backend = healthy(&keys.chosen);
	if (backend)
		bpf_map_update_elem(&flows, flow, &keys.chosen, BPF_ANY);
	return backend;
}

/* Puts an IPv4 header between the Ethernet header and the packet. */
static __always_inline int encapsulate(struct click_ctx *ctx, __u32 from, __u32 to)
{
	if (bpf_packet_add_space(sizeof(struct ipv4), 0))
		return 0;

	/* The packet has moved: both ends are loaded again, and tested again. */
	const void *end = click_data_end(ctx);
	struct ethernet *ethernet = (void *)click_data(ctx);
	struct ipv4 *outer = (void *)(ethernet + 1);
	const struct ipv4 *inner = (const void *)(outer + 1);

	if ((const void *)(inner + 1) > end)
		return 0;

	__u32 length = bpf_ntohs(inner->length) + sizeof(*outer);

	if (length > 0xffff)
		return 0;
	/* The control plane has no say in what else is in the header. */
	struct ipv4 header = {
		.version_length = 0x45,
		.service = inner->service,
		.length = bpf_htons(length),
		.ttl = 64,
		.protocol = PROTOCOL_IPIP,
		.source = from,
		.destination = to,
	};
	header.checksum = ~bpf_csum_diff(0, 0, (const __be32 *)&header, sizeof(header), 0);
	*outer = header;
	return 1;
}

SEC("rewriter") int load_balancer(struct click_ctx *ctx)
{
	const void *end = click_data_end(ctx);
	struct ethernet *ethernet = (void *)click_data(ctx);
	const struct ipv4 *ip = (const void *)(ethernet + 1);
	const struct ports *ports = (const void *)(ip + 1);
	__u32 first = 0;
	struct service *own = bpf_map_lookup_elem(&service, &first);

	if (!own)
		return REWRITER_ABORT;
	if ((const void *)(ip + 1) > end || ethernet->type != bpf_htons(ETHERTYPE_IPV4))
		return REWRITER_SUCCESS;
	if (ip->destination != own->address)
		return REWRITER_SUCCESS;
	if (ip->protocol != PROTOCOL_TCP && ip->protocol != PROTOCOL_UDP)
		return REWRITER_SUCCESS;
	if (ip->version_length != 0x45 || ip->flags_offset & bpf_htons(FRAGMENT))
		return REWRITER_ABORT;
	if ((const void *)(ports + 1) > end)
		return REWRITER_ABORT;

	struct flow flow = {
		.client = ip->source,
		.service = ip->destination,
		.client_port = ports->source,
		.service_port = ports->destination,
		.protocol = ip->protocol,
	};
	struct backend *backend = choose(&flow);

	if (!backend)
		return REWRITER_ABORT;
	backend->packets += 1;
	__builtin_memcpy(ethernet->destination, backend->ethernet, 6);
	__builtin_memcpy(ethernet->source, own->ethernet, 6);
	if (!backend->tunnel)
		return REWRITER_SUCCESS;

	/* add_space adds before the first byte: the Ethernet header moves there by hand. */
	struct ethernet frame = *ethernet;

	if (!encapsulate(ctx, own->tunnel_from, backend->address))
		return REWRITER_ABORT;
	end = click_data_end(ctx);
	ethernet = (void *)click_data(ctx);
	if ((const void *)(ethernet + 1) > end)
		return REWRITER_ABORT;
	*ethernet = frame;
	return REWRITER_SUCCESS;
}
