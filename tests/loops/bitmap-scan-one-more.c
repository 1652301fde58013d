/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * Looks at nine words of a bitmap of eight.
 */
#define WORDS 9
#include "bitmap-scan.c"
