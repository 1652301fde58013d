/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the programs of this folder have in common. */
#ifndef LOOP_H
#define LOOP_H

#include "net.h"

/* Before a loop: clang is not to turn it into straight code. */
#define KEEP _Pragma("clang loop unroll(disable)")

/* Keeps clang from knowing what a variable holds, and from moving its computation further down. */
#define HIDE(variable) asm volatile("" : "+r"(variable))

/* Numbers in network byte order at any address. */
static __always_inline __u32 be16(const __u8 *at)
{
	return (__u32)at[0] << 8 | at[1];
}

static __always_inline __u32 be32(const __u8 *at)
{
	return be16(at) << 16 | be16(at + 2);
}

#endif /* LOOP_H */
