/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * Reads the length of an option after a test for its kind alone.
 */
#define NEEDED 1
#include "ipv4-options.c"
