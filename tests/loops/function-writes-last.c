/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: uninitialised
 *
 * The function is called seven times, and eight elements are read.
 */
#define COUNT 7
#include "function-writes.c"
