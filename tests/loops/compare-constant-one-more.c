/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * Compares 17 bytes with a constant of 16, so that iteration 17 alone reads outside of it.
 */
#define LENGTH 17
#include "compare-constant.c"
