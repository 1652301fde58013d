/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: uninitialised
 *
 * Copies 31 bytes and adds 32: the last iteration reads what was never written.
 */
#define COPIED 31
#include "copy-and-sum.c"
