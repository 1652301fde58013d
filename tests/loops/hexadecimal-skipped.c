/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: uninitialised
 *
 * Leaves out one of the eight bytes when it writes, and not when it reads.
 */
#define SKIPPED 5
#include "hexadecimal.c"
