/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Takes the place of click_bpf.h: the same names on Linux, where a program is of type XDP. Numbers of
 * maps and helpers, and what they do, are Linux' own (include/uapi/linux/bpf.h).
 */
#define CLICK_BPF_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;

#define SEC(name) __attribute__((section(name), used))
#define __uint(name, val) int (*name)[val]
#define __type(name, val) __typeof__(val) *name
#define __always_inline inline __attribute__((always_inline))
#define __noinline __attribute__((noinline))

#define bpf_htons(x) __builtin_bswap16(x)
#define bpf_ntohs(x) __builtin_bswap16(x)
#define bpf_htonl(x) __builtin_bswap32(x)
#define bpf_ntohl(x) __builtin_bswap32(x)

/* Linux' struct xdp_md. */
struct click_ctx {
	__u32 data;
	__u32 data_end;
	__u32 data_meta;
	__u32 port; /* ingress_ifindex */
};

/* Linux lets an XDP program return anything. */
enum { FILTER_ABORT = 0, FILTER_DROP = 1, FILTER_PASS = 2 };
enum { CLASSIFIER_DROP = 255 };
enum { REWRITER_ABORT = 0, REWRITER_SUCCESS = 1 };

enum bpf_map_type { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2 };
enum { BPF_ANY = 0, BPF_NOEXIST = 1, BPF_EXIST = 2 };

static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*bpf_map_update_elem)(void *map, const void *key, const void *value, __u64 flags) = (void *)2;
static __u64 (*bpf_ktime_get_ns)(void) = (void *)5;
static __u32 (*bpf_get_prandom_u32)(void) = (void *)7;
static long (*bpf_xdp_adjust_head)(void *ctx, int delta) = (void *)44;

/* At the front alone, which is where the programs add and remove. */
#define bpf_packet_add_space(head, tail) bpf_xdp_adjust_head(ctx, -(head))

#define click_data(ctx) ((__u8 *)(unsigned long)(ctx)->data)
#define click_data_end(ctx) ((__u8 *)(unsigned long)(ctx)->data_end)

/* The clock is for programs under the GPL. */
char license_of_program[] SEC("license") = "GPL";
