/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: null
 *
 * Tests the result of a lookup for null in every iteration but the last.
 */
#define UNTESTED 1
#include "batch-lookup.c"
