/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * Copies up to 33 bytes to the 32 below the frame pointer.
 */
#define LENGTH 33
#include "dns-copy.c"
