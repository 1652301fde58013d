/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * The function is called for a ninth element, at the caller's frame pointer.
 */
#define COUNT 9
#include "function-writes.c"
