/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * Believes the header's length without comparing it with the packet's.
 */
#define UNCHECKED 1
#include "ipv4-checksum-options.c"
