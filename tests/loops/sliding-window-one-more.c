/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * 41 bytes where 40 are known to exist.
 */
#define LAST 41
#include "sliding-window.c"
