/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * Reads the head of an element before the test for the packet's end.
 */
#define LATE 1
#include "lldp.c"
