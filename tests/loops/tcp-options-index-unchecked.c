/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * Reads the maximum segment size, bytes 2 and 3 of an option, after a test for two bytes.
 */
#define UNCHECKED 1
#include "tcp-options-index.c"
