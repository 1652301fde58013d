/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * Starts one too high; only a number above all others leads to the entry that is not there.
 */
#define ABOVE 65
#include "binary-search.c"
