/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * Does not stop when it has found what it looks for, and compares with the byte behind.
 */
#define WRONG 1
#include "http-host.c"
