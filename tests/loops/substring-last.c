/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * Looks at one place more, where the fourth byte lies behind those known to exist.
 */
#define LAST 61
#include "substring.c"
