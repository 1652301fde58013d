/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * Does not test for the packet's end after a tag.
 */
#define MOVED 1
#include "vlan-tags.c"
