/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * One bit too many in the mask of an index into the table.
 */
#define MASK 0x1f
#include "crc32-nibbles.c"
