/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * Adds eleven halfwords where ten are known to exist.
 */
#define HALFWORDS 11
#include "ipv4-checksum.c"
