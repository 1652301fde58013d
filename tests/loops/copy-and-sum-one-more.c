/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * Copies 33 bytes to 32, the last to the frame pointer.
 */
#define COPIED 33
#include "copy-and-sum.c"
