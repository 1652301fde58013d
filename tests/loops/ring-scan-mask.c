/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * Takes the index modulo 32 in a ring of 16.
 */
#define MASK 31
#include "ring-scan.c"
