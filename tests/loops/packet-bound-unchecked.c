/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * Takes whatever count the packet names.
 */
#define MOST 65535
#include "packet-bound.c"
