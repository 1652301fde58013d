/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: rewriter
 * verdict: unsafe
 * cause: stale
 *
 * Goes on with the pointer from before the removal, in iteration 1 and later.
 */
#define STALE 1
#include "strip-tags.c"
