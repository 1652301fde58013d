/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * Takes a count of 65 where 64 bytes are known to exist.
 */
#define MOST 65
#include "packet-bound.c"
