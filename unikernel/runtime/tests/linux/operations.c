/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One operation on a map, or one call of a helper, as the packet says; the packet gets the results.
 * Compiled for Linux (-DLINUX, an XDP program) and for Click (a rewriter): both must do the same.
 */
#ifdef LINUX
#include <linux/bpf.h>
#define SEC(name) __attribute__((section(name), used))
#define __uint(name, val) int (*name)[val]
#define __type(name, val) __typeof__(val) *name
static void *(*bpf_map_lookup_elem)(void *, const void *) = (void *)1;
static long (*bpf_map_update_elem)(void *, const void *, const void *, __u64) = (void *)2;
static long (*bpf_map_delete_elem)(void *, const void *) = (void *)3;
static __s64 (*bpf_csum_diff)(const void *, __u32, const void *, __u32, __u32) = (void *)28;
static long (*bpf_map_push_elem)(void *, const void *, __u64) = (void *)87;
static long (*bpf_map_pop_elem)(void *, void *) = (void *)88;
static long (*bpf_map_peek_elem)(void *, void *) = (void *)89;
static long (*bpf_ringbuf_output)(void *, void *, __u64, __u64) = (void *)130;
typedef __u32 place;
#define PROGRAM SEC("xdp") int operation(struct xdp_md *ctx)
#define DONE 2
char _license[] SEC("license") = "Dual MIT/GPL";
#else
#include "click_bpf.h"
typedef __u64 place;
#define PROGRAM SEC("rewriter") int operation(struct click_ctx *ctx)
#define DONE REWRITER_SUCCESS
#endif

struct operation {
	__u32 what; /* 0 lookup or peek, 1 update or push, 2 delete or pop */
	__u32 map;
	__u64 flags; /* of an update; the size of a record */
	__u8 key[8];
	__u8 value[8];
	__s64 result;
	__u8 found[8];
};

#define MAP(name, kind, key_bytes, map_flags_)               \
	struct {                                             \
		__uint(type, kind);                          \
		__uint(max_entries, 4);                      \
		__uint(key_size, key_bytes);                 \
		__uint(value_size, 8);                       \
		__uint(map_flags, map_flags_);               \
	} name SEC(".maps")

MAP(hash, BPF_MAP_TYPE_HASH, 8, 0);
MAP(array, BPF_MAP_TYPE_ARRAY, 4, 0);
MAP(percpu_hash, BPF_MAP_TYPE_PERCPU_HASH, 8, 0);
MAP(percpu_array, BPF_MAP_TYPE_PERCPU_ARRAY, 4, 0);
MAP(trie, BPF_MAP_TYPE_LPM_TRIE, 8, BPF_F_NO_PREALLOC);

/* Linux evicts early when there are few entries: only as many are used as stay. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__uint(key_size, 8);
	__uint(value_size, 8);
} lru SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 4);
	__uint(value_size, 8);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 4);
	__uint(value_size, 8);
} stack SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

#define KEYED(map)                                                                       \
	do {                                                                             \
		if (what == 0) {                                                         \
			__u64 *at = bpf_map_lookup_elem(&map, &key);                     \
			if (at)                                                          \
				found = *at;                                             \
			result = !!at;                                                   \
		} else if (what == 1) {                                                  \
			result = bpf_map_update_elem(&map, &key, &value, flags);         \
		} else {                                                                 \
			result = bpf_map_delete_elem(&map, &key);                        \
		}                                                                        \
	} while (0)

#define QUEUE(map)                                                                       \
	do {                                                                             \
		found = value;                                                           \
		if (what == 0)                                                           \
			result = bpf_map_peek_elem(&map, &found);                        \
		else if (what == 1)                                                      \
			result = bpf_map_push_elem(&map, &value, flags);                 \
		else                                                                     \
			result = bpf_map_pop_elem(&map, &found);                         \
	} while (0)

PROGRAM
{
	struct operation *op = (void *)(unsigned long)(place)ctx->data;
	const void *end = (void *)(unsigned long)(place)ctx->data_end;

	if ((void *)(op + 1) > end)
		return 0;
	__u32 what = op->what;
	__u64 flags = op->flags, key, value, found = 0;
	__s64 result = -1;

	__builtin_memcpy(&key, op->key, 8);
	__builtin_memcpy(&value, op->value, 8);
	switch (op->map) {
	case 0:
		KEYED(hash);
		break;
	case 1:
		KEYED(array);
		break;
	case 2:
		KEYED(percpu_hash);
		break;
	case 3:
		KEYED(percpu_array);
		break;
	case 4:
		KEYED(lru);
		break;
	case 5:
		KEYED(trie);
		break;
	case 6:
		QUEUE(queue);
		break;
	case 7:
		QUEUE(stack);
		break;
	case 8: {
		__u64 record[32] = {value};

		if (flags <= sizeof(record))
			result = bpf_ringbuf_output(&ring, record, flags, what);
		break;
	}
	case 9: {
		__u32 from = flags & 0xff, to = flags >> 8 & 0xff;

		if (from <= 8 && to <= 8)
			result = bpf_csum_diff((void *)&key, from, (void *)&value, to, what);
		break;
	}
	}
	op->result = result;
	__builtin_memcpy(op->found, &found, 8);
	return DONE;
}
