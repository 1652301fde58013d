/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * Compares a character with the last of the table and not with the first.
 */
#define UNCHECKED 1
#include "base64.c"
