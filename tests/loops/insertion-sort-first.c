/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: uninitialised
 *
 * Compares with the element before the first one, in iteration 0 and whenever the least comes late.
 */
#define LEAST -1
#include "insertion-sort.c"
