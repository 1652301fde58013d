/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * Adds 49 bytes of a value of 48.
 */
#define LENGTH 49
#include "value-sum.c"
