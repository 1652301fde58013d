/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * Tests for the packet's end before the first extension header and not before the others.
 */
#define MOVED 1
#include "ipv6-extensions.c"
