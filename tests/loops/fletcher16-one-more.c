/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * Starts one byte too high when it counts down: the first iteration alone is wrong.
 */
#define FIRST 32
#include "fletcher16.c"
