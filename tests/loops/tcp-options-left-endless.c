/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: endless
 *
 * Takes options of length zero; nothing is less left after one.
 */
#define ZERO 1
#include "tcp-options-left.c"
